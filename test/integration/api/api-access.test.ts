import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { guardRoutes } from '../../../checks/api/auth/access.ts'
import { makeToken } from '../../../checks/api/auth/api-token.ts'
import { grantTo } from '../../../checks/api/auth/grant.ts'
import { readKeyFile, revokeInKeyFile } from '../../../checks/api/auth/keys.ts'
import { LANES } from '../../../checks/api/traffic/limits.ts'
import { RESERVED_PREFIX } from '../../../checks/store/creator-id.ts'
import { minutes } from '../../../infra/units.ts'
import { TestApi, type TestApiOptions } from '../../support/api/api.ts'
import { readSection } from '../../support/docs/readme.ts'
import { ON_LOOPBACK, WANTED } from '../../support/docs/routes-table.ts'
import { outputsOf } from '../../support/store/deployment.ts'

/** The table of docs/api.md, which is what these tests hold the API to. */
const ROWS = (await readSection('routes')).split('\n').slice(2).map(rowOf)

function rowOf(line: string) {
  const [, call = '', , wants = '', onLoopback = ''] = line.split('|').map(cell => cell.trim())
  const [, method = '', path = ''] = /^`(\S+) (\S+)`$/.exec(call) ?? []
  return { method, path, wants, onLoopback }
}
type Row = ReturnType<typeof rowOf>

/** By what a row says it wants, the callers that have it. */
const ADMITTED: Record<string, readonly string[]> = {
  [WANTED.monitor]: ['monitor', 'service'],
  [WANTED.service]: ['service'],
  [WANTED.creator]: ['creator', 'service'],
}
/** Callers whose token says nothing: they are told to bring a better one, and not that theirs is not enough. */
const UNKNOWN = [
  'nobody',
  "a creator's, revoked",
  "a service's, revoked",
  "a monitor's, revoked",
  'expired',
  'garbage',
  'no bearer token',
]

type Listener = TestApiOptions & { near: boolean; keyless?: true; headers?: Record<string, string> }
const BEYOND = { near: false, onLoopback: false } as const
const LISTENERS: Record<string, Listener> = {
  loopback: { near: true },
  'loopback, through a proxy': { near: false, headers: { 'x-forwarded-for': '203.0.113.7' } },
  // As the docker target publishes it, whose network knows it by this name.
  'loopback, by a name of its own': {
    near: false,
    onLoopback: true,
    hosts: ['api'],
    headers: { host: 'api:8003' },
  },
  'beyond loopback': BEYOND,
  'loopback, without keys': { near: true, keyless: true, keyFile: undefined },
  'beyond loopback, without keys': { ...BEYOND, keyless: true, keyFile: undefined },
}

/** What a caller is told: that it may, or by which status that it may not. */
function expected({ wants, onLoopback }: Row, caller: string, { near, keyless }: Listener) {
  if (wants === WANTED.anyone) return 'let in'
  // Without keys nobody has a token.
  const who = keyless ? 'nobody' : caller
  const isOpen =
    onLoopback === ON_LOOPBACK.always || (keyless && onLoopback === ON_LOOPBACK['without keys'])
  if (near && isOpen && who === 'nobody') return 'let in'
  if (UNKNOWN.includes(who)) return 401
  return ADMITTED[wants]!.includes(who) ? 'let in' : 403
}

/** Stands in for both servers, and has an answer at once that nobody tries again. */
async function refusingServer(): Promise<[Server, string]> {
  const server = createServer((_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"no"}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`]
}

describe('what is open is exactly the table of docs/api.md', () => {
  const apis: TestApi[] = []
  const agent = new Agent({ keepAlive: true })
  let server: Server
  let upstream: string

  beforeAll(async () => {
    ;[server, upstream] = await refusingServer()
  })
  afterAll(async () => {
    agent.destroy()
    await Promise.all(apis.map(api => api.stop()))
    server.close()
  })

  async function start(options: TestApiOptions): Promise<TestApi> {
    const limits = { lanes: LANES, requestsPerMinute: 1e9 }
    const outputs = outputsOf({ chroma: [upstream], ollama: upstream })
    const api = await TestApi.start(outputs, { ...options, limits })
    apis.push(api)
    return api
  }

  async function callersOf({ keyFile, keys }: TestApi): Promise<Record<string, string>> {
    const bearer = async (...made: Parameters<typeof makeToken>) =>
      `Bearer ${await makeToken(...made)}`
    const alice = grantTo({ scope: 'creator', creator: 'alice' })
    const scopes = [alice, { scope: 'service' }, { scope: 'monitor' }] as const
    const revoked = await Promise.all(scopes.map(grant => bearer(keys, grant, minutes(5))))
    for (const grant of scopes) await revokeInKeyFile(keyFile, grant)
    const now = await readKeyFile(keyFile)
    const [creator, service, monitor] = await Promise.all(
      scopes.map(grant => bearer(now, grant, minutes(5))),
    )
    const hourAgo = Date.now() - minutes(60)
    return {
      nobody: '',
      creator: creator!,
      'another creator': await bearer(now, { scope: 'creator', creator: 'bob' }, minutes(5)),
      service: service!,
      monitor: monitor!,
      "a creator's, revoked": revoked[0]!,
      "a service's, revoked": revoked[1]!,
      "a monitor's, revoked": revoked[2]!,
      expired: await bearer(keys, { scope: 'service' }, minutes(5), hourAgo),
      garbage: `${service!.slice(0, -3)}abc`,
      'no bearer token': 'Basic YWxpY2U6cGFzc3dvcmQ=',
    }
  }

  async function ask(api: TestApi, method: string, path: string, headers: Record<string, string>) {
    const sent = request(api.url + path, { method, headers, agent }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    await once(answer, 'end')
    const { statusCode = 0 } = answer
    return statusCode === 401 || statusCode === 403 ? statusCode : 'let in'
  }

  it('has a row for each route, with what it wants in words that these tests know', () => {
    expect(ROWS).toHaveLength(21)
    for (const { method, path, wants, onLoopback } of ROWS) {
      expect(Object.values(WANTED)).toContain(wants)
      expect(Object.values(ON_LOOPBACK)).toContain(onLoopback)
      expect(`${method} ${path}`).toMatch(/^(GET|PUT|POST|DELETE) \//)
    }
  })

  it.each(Object.entries(LISTENERS))('of an API on %s', async (_name, listener) => {
    const { near: _near, keyless: _keyless, headers = {}, ...options } = listener
    const api = await start(options)
    const callers = await callersOf(api)
    const told: Record<string, unknown> = {}
    const meant: Record<string, unknown> = {}
    for (const row of ROWS) {
      const path = row.path.replace('{creator}', 'alice').replace('{document}', 'd')
      const methods = row.method === 'GET' ? ['GET', 'HEAD'] : [row.method]
      for (const [caller, authorization] of Object.entries(callers)) {
        const sent = { ...headers, ...(authorization !== '' && { authorization }) }
        for (const method of methods) {
          const what = `${method} ${path} by ${caller}`
          told[what] = await ask(api, method, path, sent)
          meant[what] = expected(row, caller, listener)
        }
      }
    }
    expect(told).toEqual(meant)
    // Nor does any token speak for the creators of the verification.
    const reserved = `/api/v1/creators/${encodeURIComponent(`${RESERVED_PREFIX}x`)}/documents`
    for (const authorization of Object.values(callers).filter(text => text !== '')) {
      expect(await ask(api, 'GET', reserved, { ...headers, authorization })).not.toBe('let in')
    }
  })

  it.each(Object.entries(LISTENERS))(
    'and what the OpenAPI document says of an API on %s',
    async (_name, listener) => {
      const { near: _near, keyless: _keyless, headers: _headers, ...options } = listener
      const api = await start(options)
      const { paths } = (await api.call('GET', '/openapi.json')).body
      // It is the API's word on itself, and does not go by how it was asked for.
      const near = options.onLoopback ?? true
      for (const row of ROWS) {
        const operation = paths[row.path]?.[row.method.toLowerCase()]
        if (operation === undefined) continue
        const isOpen = expected(row, 'nobody', { ...listener, near }) === 'let in'
        const scopes = (operation.security ?? []).map(({ bearer }: { bearer: string[] }) => bearer)
        const wanted = isOpen ? [] : ADMITTED[row.wants]!.map(scope => [scope])
        expect([row.path, ...scopes]).toEqual([row.path, ...wanted])
        if (row.wants !== WANTED.anyone) {
          expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403']))
        }
      }
    },
  )

  it.each([
    ['x-forwarded-for', '203.0.113.7'],
    ['x-forwarded-host', 'localhost'],
    ['x-real-ip', '127.0.0.1'],
    ['forwarded', 'for=203.0.113.7'],
    ['via', '1.1 proxy'],
  ])('a request that a proxy marked by %s is from beyond loopback', async (name, value) => {
    const [api = await start({})] = apis
    const stats = '/api/v1/ai/chromadb/stats'
    expect(await ask(api, 'GET', stats, {})).toBe('let in')
    expect(await ask(api, 'GET', stats, { [name]: value })).toBe(401)
  })

  it('a route that does not say what it wants is refused at start', async () => {
    const api = Fastify()
    guardRoutes(api, { onLoopback: true, hasKeys: true })
    expect(() => api.get('/new', async () => 'open')).toThrow(/GET \/new.*config\.access/)
    await api.close()
  })
})

describe('health, to who has no token', () => {
  it('is the verdict and nothing more from beyond loopback, and all that was found to others', async () => {
    const [server, upstream] = await refusingServer()
    const outputs = outputsOf({ chroma: [upstream], ollama: upstream })
    const api = await TestApi.start(outputs, { onLoopback: false })
    for (const path of ['/api/v1/ai/chromadb/health', '/api/v1/ai/ollama/health']) {
      const tokens = [undefined, await api.tokenFor('a'), 'garbage']
      for (const token of tokens) {
        const answer = await api.call('GET', path, token === undefined ? {} : { token })
        expect(answer).toMatchObject({ status: 503 })
        expect(answer.body).toEqual({ healthy: false })
      }
      const { body } = await api.call('GET', path, { token: await api.monitorToken() })
      expect(body).toMatchObject({ healthy: false, servers: [{ parts: expect.any(Array) }] })
    }
    await api.stop()
    server.close()
  })
})
