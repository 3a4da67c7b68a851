import { setTimeout as sleep } from 'node:timers/promises'
import type { TestStack } from '../stack/test-stack.ts'

const DEADLINE_MS = 60_000
const POLL_MS = 200
/** Between two documents: all of them are read again and again. */
const PAUSE_MS = 20

/** Documents of one creator, put into a stack through its API while things happen to it. */
export class Notes {
  readonly #url: string
  readonly #token: string
  /** What the API has acknowledged. */
  readonly acknowledged: string[] = []
  /** Those that it was asked to take: one that it did not acknowledge may be there. */
  readonly #asked: string[] = []

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** Those of a stack that is up. */
  static async of(stack: TestStack): Promise<Notes> {
    const { document } = await stack.json('token', '--service', '--minutes', '60')
    return new Notes(`http://127.0.0.1:${stack.config.apiPort}`, document.token)
  }

  /** Puts documents until told to stop; what fails meanwhile was not acknowledged. */
  async write(name: string, until: () => boolean): Promise<void> {
    for (let count = 0; !until(); count += 1) {
      const document = `${name}-${count}`
      this.#asked.push(document)
      const body = JSON.stringify({ text: `Note ${count} of ${name}.` })
      const answer = await this.#ask(pathOf(document), { method: 'PUT', body }).catch(
        () => undefined,
      )
      if (answer?.ok) this.acknowledged.push(document)
      await sleep(PAUSE_MS)
    }
  }

  /** Puts a document of somebody else, once. */
  async putOf(creator: string, document: string, text: string): Promise<number> {
    const init = { method: 'PUT', body: JSON.stringify({ text }) }
    return (await this.#ask(`/creators/${creator}/documents/${document}`, init)).status
  }

  /** @returns those that were acknowledged and are not there */
  async lost(): Promise<string[]> {
    const missing: string[] = []
    for (const document of this.acknowledged) {
      if (!(await this.#ask(pathOf(document))).ok) missing.push(document)
    }
    return missing
  }

  /** Deletes all of them. */
  async deleteAll(): Promise<void> {
    for (const document of this.#asked) {
      await this.#ask(pathOf(document), { method: 'DELETE' })
    }
  }

  /** Waits until both servers are healthy again, as the API sees them. */
  async healthy(): Promise<void> {
    for (const path of ['/ai/chromadb/health', '/ai/ollama/health']) {
      const deadline = Date.now() + DEADLINE_MS
      while (!(await this.#ask(path).catch(() => undefined))?.ok) {
        if (Date.now() > deadline) throw new Error(`${path} does not come back`)
        await sleep(POLL_MS)
      }
    }
  }

  #ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.#url}/api/v1${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(init.body && { 'content-type': 'application/json' }),
      },
    })
  }
}

const pathOf = (document: string): string => `/creators/ada/documents/${document}`
