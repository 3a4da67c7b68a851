import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { type KeySet, makeKeyFile, readKeyFile } from '../../../checks/api/auth/keys.ts'
import { startApi } from '../../../checks/api/start.ts'
import type { Limits } from '../../../checks/api/traffic/limits.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { minutes } from '../../../infra/units.ts'

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: every route answers something else, and the tests look into it
  body: any
}

export interface TestApiOptions {
  limits?: Limits
  hosts?: string[]
  proxies?: string[]
  /** False, in place of its own: as one that others than programs of its machine reach. */
  onLoopback?: boolean
  /** Undefined: it has no keys, though tokens are made with some. */
  keyFile?: undefined
}

/** An API on a free port, with keys of its own, and a way to call it. */
export class TestApi {
  readonly url: string
  readonly keys: KeySet
  readonly keyFile: string
  readonly #end: () => Promise<string>

  private constructor(url: string, keys: KeySet, keyFile: string, end: () => Promise<string>) {
    this.url = url
    this.keys = keys
    this.keyFile = keyFile
    this.#end = end
  }

  static async start(outputs: Outputs, options: TestApiOptions = {}): Promise<TestApi> {
    const folder = await mkdtemp(join(tmpdir(), 'api-'))
    const keyFile = join(folder, 'keys.json')
    await makeKeyFile(keyFile)
    const logStream = new PassThrough()
    const log = text(logStream)
    const config = { outputs, keyFile, port: 0, logLevel: 'info' as const, logStream, ...options }
    const api = await startApi(config)
    return new TestApi(api.url, await readKeyFile(keyFile), keyFile, async () => {
      await api.stop()
      logStream.end()
      await rm(folder, { recursive: true })
      return log
    })
  }

  /** @returns everything that it logged */
  stop(): Promise<string> {
    return this.#end()
  }

  tokenFor(creator: string): Promise<string> {
    return makeToken(this.keys, { scope: 'creator', creator }, minutes(10))
  }

  serviceToken(): Promise<string> {
    return makeToken(this.keys, { scope: 'service' }, minutes(10))
  }

  monitorToken(): Promise<string> {
    return makeToken(this.keys, { scope: 'monitor' }, minutes(10))
  }

  /** @param options.body an object is sent as JSON, a text as it is */
  async call(
    method: string,
    path: string,
    options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { token, body } = options
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const content = await response.text()
    const isJson =
      content !== '' &&
      /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(content) : content,
    }
  }
}

/** The path of a creator's route. */
export const creatorPath = (creator: string, rest: string): string =>
  `/api/v1/creators/${encodeURIComponent(creator)}/${rest}`

export const documentPath = (creator: string, document: string): string =>
  creatorPath(creator, `documents/${encodeURIComponent(document)}`)
