import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { creatorPath, documentPath, TestApi } from '../support/api.ts'
import { type RunningChroma, startChroma } from '../support/chroma.ts'
import { outputsOf } from '../support/deployment.ts'

const LIMITS = { lanes: { write: 8, read: 8, model: 1, reload: 1 }, requestsPerMinute: 40 }
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

  /** A request whose body does not come to an end. */
  async function sendSlowly(creator: string, token: string) {
    const sent = request(api.url + documentPath(creator, 'slow'), {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': 100,
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
    for (let writer = 0; writer < LIMITS.lanes.write; writer += 1) await sendSlowly('a', token)
    await underWay(LIMITS.lanes.write)
    const shed = await put('b', token)
    expect(shed).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect(shed.headers.get('retry-after')).toBe('1')

    for (const sent of slow.splice(0)) sent.destroy()
    await underWay(0)
    expect((await put('b', token)).status).toBe(200)
  })

  it('give no room at all to who has no token that counts', async () => {
    for (let writer = 0; writer < 20; writer += 1) await sendSlowly('a', 'nonsense')
    expect((await put('a', await api.serviceToken())).status).toBe(200)
  })

  it('hold each caller to so many requests a minute, and no other for it', async () => {
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
    expect((await list('eager', await api.serviceToken())).status).toBe(200)
  })

  it('do not keep anybody from asking how it is', async () => {
    for (let sent = 0; sent < 2 * LIMITS.requestsPerMinute; sent += 1) {
      expect((await api.call('GET', '/api/v1/ai/chromadb/health')).status).toBe(200)
    }
  })
})
