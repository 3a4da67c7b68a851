import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KiB } from '../../../infra/units.ts'
import { creatorPath, documentPath, TestApi } from '../../support/api/api.ts'
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
  let api: TestApi
  const slow: ClientRequest[] = []

  beforeAll(async () => {
    chroma = await startChroma()
  })
  afterAll(() => chroma.stop())
  beforeEach(async () => {
    api = await TestApi.start(outputsOf({ chroma: [chroma.url], dimensions: 4 }), {
      limits: LIMITS,
    })
  })
  afterEach(async () => {
    for (const sent of slow.splice(0)) sent.destroy()
    await api.stop()
  })

  /** A request whose body does not come to an end. @param length bytes that it says it has */
  async function sendSlowly(creator: string, token: string, length = 100) {
    const sent = request(api.url + documentPath(creator, 'slow'), {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': length,
      },
    })
    slow.push(sent)
    sent.on('error', () => {})
    sent.write('{')
    await once(sent, 'socket')
    return sent
  }

  const put = async (creator: string, token: string) =>
    api.call('PUT', documentPath(creator, 'd'), { token, body: DOCUMENT })

  const underWay = async (count: number) => {
    const metrics = async () => (await api.call('GET', '/metrics')).body
    while (!(await metrics()).includes(`under_way{lane="write"} ${count}`)) await sleep(20)
  }

  it('leave room for others when one creator’s writers never finish', async () => {
    const token = await api.tokenFor('greedy')
    for (let writer = 0; writer < 5; writer += 1) await sendSlowly('greedy', token)
    // A quarter of the lane.
    await underWay(2)
    const more = await put('greedy', token)
    expect(more).toMatchObject({ status: 429, body: { error: { code: 'too-many-requests' } } })
    expect(more.headers.get('retry-after')).toBe('1')
    expect((await put('modest', await api.tokenFor('modest'))).status).toBe(200)
    // Reading is another lane.
    const list = await api.call('GET', creatorPath('greedy', 'documents'), { token })
    expect(list.status).toBe(200)
  })

  it('are told at once to who comes when all room is taken, and are free again afterwards', async () => {
    const token = await api.serviceToken()
    for (let writer = 0; writer < LANE.requests; writer += 1) await sendSlowly('a', token)
    await underWay(LANE.requests)
    const shed = await put('b', token)
    expect(shed).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect(shed.headers.get('retry-after')).toBe('1')

    for (const sent of slow.splice(0)) sent.destroy()
    await underWay(0)
    expect((await put('b', token)).status).toBe(200)
  })

  it('leave room for others when a creator’s bodies are large', async () => {
    const token = await api.tokenFor('greedy')
    await sendSlowly('greedy', token, 16 * KiB)
    await underWay(1)
    expect((await put('greedy', token)).status).toBe(429)
    expect((await put('modest', await api.tokenFor('modest'))).status).toBe(200)
  })

  it('shed what there are no bytes for, and count a body that does not say its length as the longest', async () => {
    const token = await api.serviceToken()
    const putInPieces = () => {
      const body = new Blob([JSON.stringify(DOCUMENT)]).stream()
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const init = { method: 'PUT', headers, body, duplex: 'half' as const }
      return fetch(api.url + documentPath('b', 'd'), init)
    }
    expect((await putInPieces()).status).toBe(503)
    await sendSlowly('a', token, 64 * KiB)
    await underWay(1)
    expect(await put('b', token)).toMatchObject({
      status: 503,
      body: { error: { code: 'unavailable' } },
    })
  })

  it('never refuse the answer to a write that was let in, however little room is left', async () => {
    const token = await api.serviceToken()
    await sendSlowly('a', token, LANE.bytes - JSON.stringify(DOCUMENT).length)
    await underWay(1)
    expect((await put('b', token)).status).toBe(200)
  })

  it('shed an answer that there are no bytes for', async () => {
    const token = await api.serviceToken()
    const text = 'long '.repeat(1000)
    const chunks = Array.from({ length: 10 }, () => ({ text, vector: [1, 0, 0, 0] }))
    const read = () => api.call('GET', documentPath('long', 'd'), { token })
    const body = { chunks }
    expect((await api.call('PUT', documentPath('long', 'd'), { token, body })).status).toBe(200)
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
    for (let writer = 0; writer < 20; writer += 1) await sendSlowly('a', 'nonsense')
    expect((await put('a', await api.serviceToken())).status).toBe(200)
  })

  it('hold each creator to so many requests a minute, no other for it, and back ends to more', async () => {
    const token = await api.tokenFor('eager')
    const list = (creator: string, token: string) =>
      api.call('GET', creatorPath(creator, 'documents'), { token })
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
    const list = (token: string) => api.call('GET', creatorPath('other', 'documents'), { token })
    for (let sent = 0; sent < LIMITS.requestsPerMinute; sent += 1) {
      expect((await list(token)).status).toBe(403)
      expect((await list('nonsense')).status).toBe(401)
    }
    expect((await list(token)).status).toBe(429)
    expect((await list('nonsense')).status).toBe(429)
    expect((await list(await api.tokenFor('other'))).status).toBe(200)
  })

  it('do not keep anybody from asking how it is', async () => {
    for (let sent = 0; sent < 2 * LIMITS.requestsPerMinute; sent += 1) {
      expect((await api.call('GET', '/api/v1/ai/chromadb/health')).status).toBe(200)
    }
  })
})
