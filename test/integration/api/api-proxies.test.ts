import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { Client } from 'undici'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { LANES } from '../../../checks/api/traffic/limits.ts'
import { creatorPath, documentPath, TestApi } from '../../support/api/api.ts'
import { STORED } from '../../support/api/stored.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { debianCommand } from '../../support/servers/debian.ts'
import { startKeepAliveProxy } from '../../support/servers/keep-alive-proxy.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const nginx = await debianCommand('nginx', 'nginx-light')

const REQUESTS = 5
const LIMITS = { lanes: LANES, requestsPerMinute: REQUESTS }
/** Costs nothing, and is counted. */
const PAGE = '/'

interface Sent {
  headers?: Record<string, string>
  from?: string
}

/** As a caller of this address sends it. */
async function statusOf(url: string, path: string, { headers = {}, from = '127.0.0.1' }: Sent) {
  const sent = request(url + path, { headers, localAddress: from, agent: false }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

/** Asks until there is no more, as often as one address may. */
async function askAll(url: string, sent: Sent) {
  for (let count = 0; count < REQUESTS; count += 1) {
    expect(await statusOf(url, PAGE, sent)).toBe(200)
  }
}

describe('whom a request came from', () => {
  let api: TestApi
  afterEach(() => api.stop())

  it('is believed of the proxies that are named, however long the list of addresses is', async () => {
    api = await TestApi.start(outputsOf(), { limits: LIMITS, proxies: ['127.0.0.0/30'] })
    const as = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    await askAll(api.url, as('192.0.2.1'))
    expect(await statusOf(api.url, PAGE, as('192.0.2.1'))).toBe(429)
    // What the caller wrote itself stands before the address that the proxy saw.
    expect(await statusOf(api.url, PAGE, as('192.0.2.9, 192.0.2.1'))).toBe(429)
    expect(await statusOf(api.url, PAGE, as('192.0.2.1, 127.0.0.2'))).toBe(429)
    expect(await statusOf(api.url, PAGE, as('192.0.2.2'))).toBe(200)
  })

  it('is believed of nobody else', async () => {
    api = await TestApi.start(outputsOf(), { limits: LIMITS, proxies: ['127.0.0.1'] })
    await askAll(api.url, { from: '127.0.0.2' })
    for (const address of ['192.0.2.1', '127.0.0.1', '127.0.0.3']) {
      const forged = { headers: { 'x-forwarded-for': address }, from: '127.0.0.2' }
      expect(await statusOf(api.url, PAGE, forged)).toBe(429)
    }
    expect(await statusOf(api.url, PAGE, { from: '127.0.0.3' })).toBe(200)
  })

  it('is a network of 64 bits where it is IPv6, of which anybody has one', async () => {
    api = await TestApi.start(outputsOf(), { limits: LIMITS, proxies: ['127.0.0.1'] })
    const as = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    await askAll(api.url, as('2001:db8::1'))
    expect(await statusOf(api.url, PAGE, as('2001:db8::ffff:2'))).toBe(429)
    expect(await statusOf(api.url, PAGE, as('2001:db8:0:1::1'))).toBe(200)
  })
})

describe('the name that a request is for', () => {
  it('is the one that a proxy says, if the proxy is named', async () => {
    const api = await TestApi.start(outputsOf(), {
      hosts: ['knowledge.example'],
      proxies: ['127.0.0.1'],
    })
    const forwarded = (host: string, name: string, from?: string) =>
      statusOf(api.url, '/openapi.json', {
        headers: { host, 'x-forwarded-host': name },
        ...(from !== undefined && { from }),
      })
    expect(await forwarded('10.0.0.1', 'knowledge.example')).toBe(200)
    expect(await forwarded('localhost', 'evil.example')).toBe(403)
    expect(await forwarded('evil.example', 'localhost', '127.0.0.2')).toBe(403)
    await api.stop()
  })
})

describe('connections that are kept', () => {
  let chroma: RunningChroma
  let api: TestApi
  beforeAll(async () => {
    chroma = await startChroma()
    const options = { hosts: ['knowledge.example'], proxies: ['127.0.0.1'] }
    api = await TestApi.start(outputsOf({ chroma: [chroma.url], dimensions: 4 }), options)
  })
  afterAll(async () => {
    await api.stop()
    await chroma.stop()
  })

  const LONG = { chunks: [{ text: 'x'.repeat(8000), vector: [1, 0, 0, 0] }] }

  /** Calls of every kind, refused ones too. @returns their statuses */
  async function callAll(
    call: (method: 'GET' | 'PUT', path: string, body?: string) => Promise<number>,
  ) {
    const statuses: (number | boolean)[] = []
    const put = async (path: string) =>
      STORED.includes(await call('PUT', path, JSON.stringify(LONG)))
    for (let round = 0; round < 10; round += 1) {
      statuses.push(
        await put(documentPath('a', `${round}`)),
        await call('GET', documentPath('a', `${round}`)),
        await call('GET', creatorPath('a', 'documents')),
        await call('PUT', documentPath('a', 'd'), '{"chunks":[]}'),
        await call('GET', documentPath('a', 'none')),
      )
    }
    return statuses
  }
  const ALL = Array.from({ length: 10 }, () => [true, 200, 200, 400, 404]).flat()

  it('serve one request after another, refusals among them', async () => {
    const headers = { authorization: `Bearer ${await api.serviceToken()}` }
    const client = new Client(api.url)
    let connections = 0
    client.on('connect', () => {
      connections += 1
    })
    const statuses = await callAll(async (method, path, body) => {
      const answer = await client.request({
        method,
        path,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body }),
      })
      await answer.body.dump()
      return answer.statusCode
    })
    await client.close()
    expect(statuses).toEqual(ALL)
    expect(connections).toBe(1)
  })

  it.skipIf(nginx === undefined)(
    'serve the callers of a proxy, many at once (needs nginx)',
    async () => {
      const proxy = await startKeepAliveProxy(nginx!, Number(new URL(api.url).port))
      const authorization = `Bearer ${await api.serviceToken()}`
      const call = async (method: string, path: string, body?: string) => {
        const headers = { authorization, 'content-type': 'application/json' }
        const answer = await fetch(proxy.url + path, { method, headers, body: body ?? null })
        await answer.text()
        return answer.status
      }
      const callers = Array.from({ length: 8 }, () => callAll(call))
      for (const statuses of await Promise.all(callers)) expect(statuses).toEqual(ALL)
      // nginx keeps the connections that it does not need at the moment, and takes them again.
      expect(await callAll(call)).toEqual(ALL)
      await proxy.stop()
    },
  )

  it.skipIf(nginx === undefined)('tell the callers of a proxy apart (needs nginx)', async () => {
    const limited = await TestApi.start(outputsOf(), { limits: LIMITS, proxies: ['127.0.0.1'] })
    const proxy = await startKeepAliveProxy(nginx!, Number(new URL(limited.url).port))
    const [one, other] = [{ from: '127.0.0.2' }, { from: '127.0.0.3' }]
    await askAll(proxy.url, one)
    expect(await statusOf(proxy.url, PAGE, one)).toBe(429)
    const forged = { ...one, headers: { 'x-forwarded-for': '192.0.2.7' } }
    expect(await statusOf(proxy.url, PAGE, forged)).toBe(429)
    expect(await statusOf(proxy.url, PAGE, other)).toBe(200)
    await proxy.stop()
    await limited.stop()
  })
})
