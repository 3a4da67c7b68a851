import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Lane } from '../../../checks/api/traffic/limits.ts'
import { KiB } from '../../../infra/units.ts'
import { creatorPath, documentPath, TestApi } from '../../support/api/api.ts'
import { Gate } from '../../support/api/gate.ts'
import { STORED } from '../../support/api/stored.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const LANE = { requests: 8, bytes: 64 * KiB }
const LIMITS = {
  lanes: { write: LANE, read: LANE, model: LANE, reload: LANE },
  requestsPerMinute: 100,
}
const DOCUMENT = { chunks: [{ text: 'one', vector: [1, 0, 0, 0] }] }

describe('the limits of the API', () => {
  let chroma: RunningChroma
  /** In front of Chroma; it stands where Ollama should be as well. */
  let gate: Gate
  let api: TestApi
  const slow: ClientRequest[] = []

  beforeAll(async () => {
    chroma = await startChroma()
    gate = await Gate.before(chroma.url)
  })
  afterAll(async () => {
    await gate.stop()
    await chroma.stop()
  })
  beforeEach(async () => {
    const outputs = outputsOf({ chroma: [gate.url], ollama: gate.url, dimensions: 4 })
    api = await TestApi.start(outputs, { limits: LIMITS })
    // What a store looks up once is no part of what is tested.
    await put('warm', await api.tokenFor('warm'))
  })
  afterEach(async () => {
    gate.mode = 'open'
    for (const sent of slow.splice(0)) sent.destroy()
    await api.stop()
  })

  /** A request whose body does not come to an end. @param sent bytes of it that are sent */
  async function sendSlowly(creator: string, token: string, sent = 1, length = LANE.bytes) {
    const putting = request(api.url + documentPath(creator, 'slow'), {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': length,
      },
    })
    slow.push(putting)
    putting.on('error', () => {})
    putting.write('['.repeat(sent))
    await once(putting, 'socket')
    return putting
  }

  const put = async (creator: string, token: string, body: object = DOCUMENT) =>
    api.call('PUT', documentPath(creator, 'd'), { token, body })
  const list = (creator: string, token: string) =>
    api.call('GET', creatorPath(creator, 'documents'), { token })

  const metrics = async () => (await api.call('GET', '/metrics')).body
  const underWay = async (lane: Lane, requests: number) => {
    while (!(await metrics()).includes(`requests_under_way{lane="${lane}"} ${requests}\n`))
      await sleep(20)
  }
  const arrived = async (bytes: number) => {
    while (!(await metrics()).includes(`bytes_under_way{lane="write"} ${bytes}\n`)) await sleep(20)
  }

  it('leave room for others when one creator’s writes take long', async () => {
    const [token, modest] = [await api.tokenFor('greedy'), await api.tokenFor('modest')]
    gate.mode = 'hang'
    // A quarter of the lane.
    const writes = [put('greedy', token), put('greedy', token)]
    await underWay('write', 2)
    const more = await put('greedy', token)
    expect(more).toMatchObject({ status: 429, body: { error: { code: 'too-many-requests' } } })
    expect(more.headers.get('retry-after')).toBe('1')
    writes.push(put('modest', modest))
    await underWay('write', 3)
    // Reading is another lane.
    writes.push(list('greedy', token))
    await underWay('read', 1)
    gate.mode = 'open'
    for (const { status } of await Promise.all(writes)) expect(STORED).toContain(status)
  })

  it('are told at once to who comes when all room is taken, and are free again afterwards', async () => {
    const token = await api.serviceToken()
    gate.mode = 'hang'
    const writes = Array.from({ length: LANE.requests }, (_, index) => put(`${index}`, token))
    await underWay('write', LANE.requests)
    const shed = await put('b', token)
    expect(shed).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect(shed.headers.get('retry-after')).toBe('1')
    gate.mode = 'open'
    for (const { status } of await Promise.all(writes)) expect(STORED).toContain(status)
    await underWay('write', 0)
    expect(STORED).toContain((await put('b', token)).status)
  })

  it('are an eighth of each lane for all together who have no valid token', async () => {
    gate.mode = 'hang'
    const status = () => api.call('GET', '/api/v1/ai/models/status')
    const first = status()
    await underWay('read', 1)
    expect(await status()).toMatchObject({
      status: 429,
      body: { error: { message: expect.stringContaining('callers without a valid token') } },
    })
    expect((await api.call('GET', '/openapi.json')).status).toBe(200)
    const reads = [list('a', await api.tokenFor('a')), list('b', await api.serviceToken())]
    await underWay('read', 3)
    gate.mode = 'open'
    for (const { status } of await Promise.all([first, ...reads])) expect(status).toBe(200)
  })

  it('are not held by what is announced and does not come', async () => {
    const token = await api.serviceToken()
    for (let writer = 0; writer < 3 * LANE.requests; writer += 1) await sendSlowly('a', token)
    expect(STORED).toContain((await put('b', token)).status)
  })

  it('leave room for others when a creator’s bodies are large', async () => {
    const token = await api.tokenFor('greedy')
    await sendSlowly('greedy', token, 16 * KiB)
    await arrived(16 * KiB)
    expect((await put('greedy', token)).status).toBe(429)
    expect(STORED).toContain((await put('modest', await api.tokenFor('modest'))).status)
  })

  it('are told in the middle of a body that gets no more, before anything changes', async () => {
    const token = await api.serviceToken()
    await sendSlowly('a', token, LANE.bytes - KiB)
    await arrived(LANE.bytes - KiB)
    const long = { chunks: [{ text: 'x'.repeat(2 * KiB), vector: [1, 0, 0, 0] }] }
    const held = await put('new', token, long)
    expect(held).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect(held.headers.get('connection')).toBe('close')
    expect((await list('new', token)).body.documents).toEqual([])
    // In pieces too, of a body that does not say its length.
    const body = new Blob([JSON.stringify(DOCUMENT)]).stream()
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const init = { method: 'PUT', headers, body, duplex: 'half' as const }
    expect((await fetch(api.url + documentPath('new', 'd'), init)).status).toBe(201)
  })

  it('never refuse the answer to a write that was let in, however little room is left', async () => {
    const token = await api.serviceToken()
    const left = JSON.stringify(DOCUMENT).length
    await sendSlowly('a', token, LANE.bytes - left)
    await arrived(LANE.bytes - left)
    expect((await put('b', token, { ...DOCUMENT, metadata: {} })).status).toBe(503)
    expect(STORED).toContain((await put('b', token)).status)
  })

  it('end a body that comes too slowly, and its connection', async () => {
    const sent = await sendSlowly('a', await api.serviceToken())
    const drops = setInterval(() => sent.write('['), 100)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    clearInterval(drops)
    expect([answer.statusCode, answer.headers.connection]).toEqual([408, 'close'])
    expect(JSON.parse(await text(answer))).toMatchObject({ error: { code: 'too-slow' } })
    if (!sent.socket!.destroyed) await once(sent.socket!, 'close')
  })

  it.each([
    ['GET', creatorPath('a', 'documents')],
    ['HEAD', creatorPath('a', 'documents')],
    ['DELETE', documentPath('a', 'd')],
    ['GET', '/api/v1/ai/chromadb/health'],
    ['GET', '/metrics'],
  ])('leave none for a body where %s %s takes none', async (method, path) => {
    const headers = { authorization: `Bearer ${await api.serviceToken()}` }
    const ask = async (length: number) => {
      const sent = request(api.url + path, {
        method,
        headers: { ...headers, 'content-length': length },
      })
      slow.push(sent.on('error', () => {}))
      sent.flushHeaders()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      answer.resume()
      return [answer.statusCode, answer.headers.connection]
    }
    expect(await ask(10)).toEqual([400, 'close'])
    expect(await ask(0)).toEqual([200, 'keep-alive'])
  })

  it('shed an answer that there are no bytes for', async () => {
    const token = await api.serviceToken()
    const long = 'long '.repeat(1000)
    const chunks = Array.from({ length: 10 }, () => ({ text: long, vector: [1, 0, 0, 0] }))
    const read = () => api.call('GET', documentPath('long', 'd'), { token })
    const body = { chunks }
    expect((await api.call('PUT', documentPath('long', 'd'), { token, body })).status).toBe(201)
    expect((await read()).status).toBe(200)
    const more = Array.from({ length: 20 }, (_, index) => documentPath('long', `${index}`))
    for (const path of more) {
      await api.call('PUT', path, { token, body: { chunks: chunks.slice(0, 8) } })
    }
    const query = { vector: [1, 0, 0, 0], count: 100 }
    const shed = await api.call('POST', creatorPath('long', 'query'), { token, body: query })
    expect(shed).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect((await read()).status).toBe(200)
  })

  it('are free again when callers leave before it is known who they are', async () => {
    const token = await api.serviceToken()
    for (let caller = 0; caller < 10 * LANE.requests; caller += 1) {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
      socket.write(
        `GET ${creatorPath('a', 'documents')} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`,
        () => socket.destroy(),
      )
      await once(socket, 'close')
    }
    await sleep(500)
    const list = await api.call('GET', creatorPath('b', 'documents'), {
      token: await api.tokenFor('b'),
    })
    expect(list.status).toBe(200)
  })

  it('give no room at all to who has no token that counts', async () => {
    for (let writer = 0; writer < 20; writer += 1) await sendSlowly('a', 'nonsense', KiB)
    expect(STORED).toContain((await put('a', await api.serviceToken())).status)
  })

  it('hold each creator to so many requests a minute, no other for it, and back ends to more', async () => {
    const token = await api.tokenFor('eager')
    for (let sent = 0; sent < LIMITS.requestsPerMinute; sent += 1) {
      expect((await list('eager', token)).status).toBe(200)
    }
    const over = await list('eager', token)
    expect(over).toMatchObject({ status: 429, body: { error: { code: 'too-many-requests' } } })
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0)
    // Another token of the same creator is the same caller.
    expect((await list('eager', await api.tokenFor('eager'))).status).toBe(429)
    expect((await list('calm', await api.tokenFor('calm'))).status).toBe(200)
    const service = await api.serviceToken()
    for (let sent = 0; sent < 2 * LIMITS.requestsPerMinute; sent += 1) {
      expect((await list('eager', service)).status).toBe(200)
    }
  })

  it('count those who are refused as well', async () => {
    const token = await api.tokenFor('curious')
    for (let sent = 0; sent < LIMITS.requestsPerMinute; sent += 1) {
      expect((await list('other', token)).status).toBe(403)
      expect((await list('other', 'nonsense')).status).toBe(401)
    }
    expect((await list('other', token)).status).toBe(429)
    expect((await list('other', 'nonsense')).status).toBe(429)
    expect((await list('other', await api.tokenFor('other'))).status).toBe(200)
  })

  it('do not keep anybody from asking how it is', async () => {
    for (let sent = 0; sent < 2 * LIMITS.requestsPerMinute; sent += 1) {
      expect((await api.call('GET', '/api/v1/ai/chromadb/health')).status).toBe(200)
    }
  })
})
