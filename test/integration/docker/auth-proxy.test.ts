import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ProxyCaller, Rules } from '../../../infra/auth-proxy/routes.ts'
import { CHROMA_RULES, OLLAMA_RULES } from '../../../infra/auth-proxy/routes.ts'
import { MiB } from '../../../infra/units.ts'
import {
  type RunningAuthProxy,
  rawRequest,
  startAuthProxy,
} from '../../support/servers/auth-proxy.ts'
import { debianCommand } from '../../support/servers/debian.ts'

const nginx = await debianCommand('nginx', 'nginx-light')

const TOKENS: Record<ProxyCaller, string> = {
  application: 'a1'.repeat(32),
  provisioner: 'b2'.repeat(32),
}
const as = (caller: ProxyCaller) => ({ authorization: `Bearer ${TOKENS[caller]}` })

/** What came through to the server behind the auth proxy: the request line and the headers. */
const arrived: IncomingMessage[] = []
let upstream: Server
let front: RunningAuthProxy
/** What the end of an answer to /api/generate waits for. */
let rest = Promise.resolve()

/** Answers everything with 200, takes any body, and counts it. */
function behind(request: IncomingMessage): Promise<number> {
  arrived.push(request)
  return new Promise(resolve => {
    let bytes = 0
    request.on('data', chunk => {
      bytes += chunk.length
    })
    request.on('end', () => resolve(bytes))
  })
}

async function start(rules: Rules, tokens: Partial<typeof TOKENS>): Promise<void> {
  upstream = createServer(async (request, response) => {
    const bytes = await behind(request)
    if (request.url === '/api/generate') {
      response.write('first')
      await rest
    }
    response.end(`${bytes}`)
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const { port } = upstream.address() as AddressInfo
  front = await startAuthProxy(nginx!, { upstream: port, rules, tokens })
}

async function stop(): Promise<void> {
  await front?.stop()
  upstream?.closeAllConnections()
  upstream?.close()
}

beforeEach(() => {
  arrived.length = 0
})

describe.skipIf(nginx === undefined)('the auth proxy of Ollama (needs nginx)', () => {
  beforeAll(() => start(OLLAMA_RULES, TOKENS))
  afterAll(stop)

  it.each([
    ['GET /', 200, 200, 200],
    ['HEAD /', 200, 200, 200],
    ['GET /api/version', 401, 200, 200],
    ['GET /api/tags', 401, 200, 200],
    ['GET /api/ps', 401, 200, 200],
    ['POST /api/show', 401, 200, 200],
    ['POST /api/embed', 401, 200, 200],
    ['POST /api/chat', 401, 200, 200],
    ['POST /api/generate', 401, 200, 200],
    ['POST /api/pull', 401, 403, 200],
    ['POST /api/create', 401, 403, 200],
    ['POST /api/copy', 401, 403, 200],
    ['POST /api/push', 401, 403, 200],
    ['DELETE /api/delete', 401, 403, 200],
    ['HEAD /api/blobs/sha256:00', 401, 403, 200],
    ['POST /api/blobs/sha256:00', 401, 403, 200],
    ['POST /v1/chat/completions', 401, 403, 200],
    ['POST /api/tags', 401, 403, 200],
    ['DELETE /', 401, 403, 200],
    ['GET /api/whatever-comes-next', 401, 403, 200],
  ])(
    'answers %s with %i without a token, %i to the application, %i to the provisioner',
    async (what, nobody, application, provisioner) => {
      const line = `${what} HTTP/1.1`
      expect(await rawRequest(front.port, line)).toBe(nobody)
      expect(await rawRequest(front.port, line, as('application'))).toBe(application)
      expect(await rawRequest(front.port, line, as('provisioner'))).toBe(provisioner)
    },
  )

  it.each([
    '/api/pull/',
    '//api/pull',
    '/api//pull',
    '/api/./pull',
    '/api/tags/../pull',
    '/api/tags/%2e%2e/pull',
    '/api/tags%2f..%2fpull',
    '/api/tags/..;/pull',
    '/api/%70ull',
    '/api/%2570ull',
    '/API/PULL',
    '/api/Tags',
    '/api/tags/',
    '/api/tags//',
    '/api/tags%3f',
    '/api/tags#/../pull',
    '/api/tags\\..\\pull',
    '/api/chat/../create',
    '/./api/tags',
    '/%2e/api/tags',
    '/../api/pull',
    'http://localhost/api/pull',
    'http://localhost//api/tags',
    '*',
  ])('lets the application in by no other way of writing a path: %s', async path => {
    for (const method of ['GET', 'POST', 'DELETE', 'PRI', 'CONNECT']) {
      const status = await rawRequest(front.port, `${method} ${path} HTTP/1.1`, as('application'))
      expect([400, 403, 405]).toContain(status)
    }
    expect(arrived).toEqual([])
  })

  it('takes no token but its own, wherever else it may stand', async () => {
    const line = 'GET /api/tags HTTP/1.1'
    const token = TOKENS.application
    for (const authorization of [
      token,
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      `Bearer ${token}0`,
      `Bearer ${token.slice(1)}`,
      `Bearer ${token} ${token}`,
      'stranger route-1',
      'application',
    ]) {
      expect(await rawRequest(front.port, line, { authorization })).toBe(401)
    }
    const elsewhere = `GET /api/tags?authorization=Bearer+${token} HTTP/1.1`
    expect(await rawRequest(front.port, elsewhere, { cookie: `token=${token}` })).toBe(401)
    expect(arrived).toEqual([])
  })

  it('keeps tokens to itself, and says localhost to the server', async () => {
    await rawRequest(front.port, 'GET /api/tags HTTP/1.1', {
      ...as('application'),
      host: 'ollama.example',
    })
    expect(arrived[0]?.headers.authorization).toBeUndefined()
    expect(arrived[0]?.headers.host).toBe('localhost')
  })

  it('hands an answer on while the server is still at it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    rest = promise
    const response = await fetch(`http://127.0.0.1:${front.port}/api/generate`, {
      method: 'POST',
      headers: as('application'),
    })
    const reader = response.body!.getReader()
    const read = async () => Buffer.from((await reader.read()).value!).toString()
    expect(await read()).toBe('first')
    resolve()
    expect(await read()).toBe('0')
  })

  it('takes model files of any size from the provisioner, and large requests from nobody else', async () => {
    const send = async (path: string, caller: ProxyCaller, bytes: number) => {
      const answer = await fetch(`http://127.0.0.1:${front.port}${path}`, {
        method: 'POST',
        headers: as(caller),
        body: new Uint8Array(bytes),
      })
      return [answer.status, await answer.text()]
    }
    const large = 41 * MiB
    expect(await send('/api/blobs/sha256:00', 'provisioner', large)).toEqual([200, `${large}`])
    expect((await send('/api/chat', 'application', large))[0]).toBe(413)
  })

  it('says so when the server behind it is gone', async () => {
    upstream.closeAllConnections()
    upstream.close()
    const answer = await fetch(`http://127.0.0.1:${front.port}/`)
    expect(answer.status).toBe(502)
    expect(await answer.json()).toEqual({ error: expect.stringContaining('does not answer') })
    // Else it would be started again for what is not its fault.
    expect(await rawRequest(front.port, 'GET /alive HTTP/1.1')).toBe(200)
  })
})

describe.skipIf(nginx === undefined)('the auth proxy of Chroma (needs nginx)', () => {
  const collections = '/api/v2/tenants/default_tenant/databases/generation-1/collections'
  beforeAll(() => start(CHROMA_RULES, { application: TOKENS.application }))
  afterAll(stop)

  it.each([
    ['GET /api/v2/heartbeat', 200, 200],
    ['GET /api/v2/healthcheck', 200, 200],
    ['GET /api/v2/version', 401, 200],
    ['GET /api/v2/pre-flight-checks', 401, 200],
    [`GET ${collections}?limit=1000`, 401, 200],
    [`POST ${collections}/00000000-0000-4000-8000-000000000000/query`, 401, 200],
    [`DELETE ${collections}/knowledge_shard_0`, 401, 200],
    ['POST /api/v2/reset', 401, 403],
    ['GET /api/v2/reset', 401, 403],
    ['POST /api/v2/Reset', 401, 403],
    ['POST /api/v2//reset', 401, 403],
    ['POST /api/v2/%72eset', 401, 403],
    ['POST /api/v2/reset/', 401, 403],
    ['POST /api/v2/tenants/../reset', 401, 403],
    ['POST /api/v2/tenants/%2e%2e/reset', 401, 403],
    ['POST /api/v2/tenants/..%2freset', 401, 403],
    ['POST /api/v2/heartbeat/../reset', 401, 403],
    ['POST /api/v2/heartbeat', 401, 403],
    ['GET /api/v1/collections', 401, 403],
    ['GET /openapi.json', 401, 403],
    ['GET /', 401, 403],
  ])(
    'answers %s with %i without a token, %i to those who have it',
    async (what, nobody, application) => {
      const line = `${what} HTTP/1.1`
      expect(await rawRequest(front.port, line)).toBe(nobody)
      expect(await rawRequest(front.port, line, as('application'))).toBe(application)
      expect(await rawRequest(front.port, line, as('provisioner'))).toBe(nobody)
    },
  )

  it('passes reads on and no writes while the disk of the server is full, and says so', async () => {
    const one = `${collections}/00000000-0000-4000-8000-000000000000`
    const ask = (what: string) => rawRequest(front.port, `${what} HTTP/1.1`, as('application'))
    const reads = [`GET ${collections}`, `GET ${one}/count`, `POST ${one}/get`, `POST ${one}/query`]
    const writes = [
      ...['add', 'upsert', 'update', 'delete'].map(way => `POST ${one}/${way}`),
      `POST ${collections}`,
      `PUT ${one}`,
      `DELETE ${collections}/knowledge_shard_0`,
      'DELETE /api/v2/tenants/default_tenant/databases/generation-1',
    ]
    const all = async (lines: string[]) => new Set(await Promise.all(lines.map(ask)))
    expect(await all(['GET /disk', ...reads, ...writes])).toEqual(new Set([200]))
    await rm(front.roomFile)
    expect(await all(reads)).toEqual(new Set([200]))
    expect(await all(['GET /disk', ...writes])).toEqual(new Set([507]))
    expect(await rawRequest(front.port, `${writes[0]} HTTP/1.1`)).toBe(401)
    await writeFile(front.roomFile, '')
    expect(await all(['GET /disk', ...writes])).toEqual(new Set([200]))
  })

  it('takes as much at once as Chroma does', async () => {
    const answer = await fetch(`http://127.0.0.1:${front.port}${collections}/x/add`, {
      method: 'POST',
      headers: as('application'),
      body: new Uint8Array(40 * MiB),
    })
    expect([answer.status, await answer.text()]).toEqual([200, `${40 * MiB}`])
  })
})
