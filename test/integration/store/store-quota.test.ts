import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { MiB } from '../../../infra/units.ts'
import { TestApi } from '../../support/api/api.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const RECORDS = 20
const BYTES = 4000
/** Of a chunk of 100 letters, with `{}` and its vector. */
const CHUNK = 100 + 2 + 4 * DIMENSION

const document = (id: string, chunks: number, letters = 100) => ({
  id,
  chunks: Array.from({ length: chunks }, (_, index) => ({
    text: 'é'.repeat(letters / 2),
    vector: vectorFor(`${id} ${index}`, DIMENSION),
  })),
})

describe('what a creator may have', () => {
  let chroma: RunningChroma
  let outputs: Outputs
  /** As two processes; the first one's requests are seen. */
  let stores: ConnectedDeployment[]
  const sent: { url: string; body: string }[] = []
  const watched: Fetch = async (url, init) => {
    sent.push({ url: String(url), body: String(init?.body) })
    return fetch(url, init)
  }

  beforeAll(async () => {
    chroma = await startChroma()
    outputs = outputsOf({ chroma: [chroma.url], dimensions: DIMENSION })
    outputs.chroma.quota = { records: RECORDS, bytes: BYTES }
    stores = [await openDeployment(outputs, { fetch: watched }), await openDeployment(outputs)]
  })
  afterAll(async () => {
    await Promise.all(stores.map(store => store.close()))
    await chroma.stop()
  })
  beforeEach(() => {
    sent.length = 0
  })
  const both = (id: string) => {
    const [own, other] = stores.map(store => store.knowledge())
    return [own!.creator(id), other!.creator(id)] as const
  }

  it('is not exceeded in chunks, and nothing is written of what would', async () => {
    const [own, other] = both('counted')
    await own.upsert([document('a', 12, 2), document('b', 4, 2)])
    sent.length = 0
    await expect(own.upsert([document('c', 5, 2)])).rejects.toMatchObject({
      kind: 'misused',
      message: 'The creator has 16 chunks and would have 21 with this; allowed are 20',
    })
    await expect(own.add([document('c', 5, 2)])).rejects.toThrow('would have 21')
    expect(sent.filter(({ url }) => /\/(add|upsert|delete)$/.test(url))).toEqual([])
    // What it takes the place of does not count.
    await own.upsert([document('b', 8, 2)])
    // Nor does another process start from nothing.
    await expect(other.upsert([document('c', 1, 2)])).rejects.toThrow('would have 21')
    await other.delete({ documents: ['a'] })
    await own.upsert([document('c', 12, 2)])
    expect(await own.usage()).toMatchObject({ records: 20, quota: { records: RECORDS } })
  })

  it('is not exceeded in bytes, of texts in UTF-8, metadata and vectors', async () => {
    const [own, other] = both('weighed')
    await other.upsert([document('a', 10)])
    await own.upsert([{ ...document('b', 10), metadata: { k: 'é' } }])
    const used = 20 * CHUNK + 10 * ('{"k":"é"}'.length + 1 - 2)
    expect(await own.usage()).toMatchObject({ records: 20, bytes: used })
    expect(await other.usage()).toMatchObject({ records: 20, bytes: used })
    await expect(own.upsert([document('a', 10, 240)])).rejects.toMatchObject({
      message: `The creator has ${used} bytes and would have ${used + 1400} with this; allowed are 4000, which is 3.9 KiB`,
    })
    await own.upsert([document('a', 10, 220)])
    expect((await own.usage()).bytes).toBe(used + 1200)
  })

  it('is not exceeded by what is put at the same moment', async () => {
    const [own] = both('hasty')
    const puts = ['a', 'b', 'c', 'd'].map(id => own.upsert([document(id, 8, 2)]))
    const done = await Promise.allSettled(puts)
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    expect(await own.count()).toBe(16)
  })

  it('can be deleted and made less of by whoever has more, as after it was lowered', async () => {
    const [own] = both('large')
    await stores[1]!.knowledge().upsert(new Map([['large', [document('a', 30)]]]))
    await expect(own.upsert([document('b', 1)])).rejects.toThrow('has 30 chunks')
    await own.upsert([document('a', 25)])
    await own.delete({ documents: ['a'] })
    await own.upsert([document('b', 1)])
  })

  it('costs a creator who is known no listing, and one who is not the one listing', async () => {
    // So far below it that nobody needs to know the bytes.
    const quota = { records: RECORDS, bytes: MiB }
    const bounded = { ...outputs, chroma: { ...outputs.chroma, quota } }
    const roomy = await openDeployment(bounded, { fetch: watched })
    const own = roomy.knowledge().creator('frequent')
    const [, other] = both('frequent')
    const listings = () =>
      sent.filter(({ url, body }) => url.endsWith('/get') && /"include":\[\]/.test(body)).length
    for (const id of ['a', 'b']) await own.upsert([document(id, 1)])
    sent.length = 0
    await own.upsert([document('c', 1)])
    const usual = listings()
    await other.upsert([document('d', 1)])
    sent.length = 0
    await own.upsert([document('e', 1)])
    expect(listings()).toBe(usual + 1)
    // That is what the write itself looks for.
    expect(usual).toBe(1)
    await roomy.close()
  })

  it('is told over HTTP, and who would have more is told so by a code of its own', async () => {
    const api = await TestApi.start(outputs)
    try {
      const token = await api.tokenFor('caller')
      const path = '/api/v1/creators/caller'
      const put = (id: string, chunks: number) =>
        api.call('PUT', `${path}/documents/${id}`, {
          token,
          body: { chunks: document(id, chunks, 2).chunks },
        })
      const usage = async () => (await api.call('GET', `${path}/usage`, { token })).body
      expect(await usage()).toEqual({
        records: 0,
        bytes: 0,
        maxRecords: RECORDS,
        maxBytes: BYTES,
      })
      expect(await put('a', 15)).toMatchObject({ status: 201 })
      expect(await put('b', 6)).toMatchObject({
        status: 507,
        body: {
          error: { code: 'quota-exceeded', message: expect.stringContaining('allowed are 20') },
        },
      })
      expect(await usage()).toMatchObject({ records: 15, bytes: 15 * (CHUNK - 98) })
      expect(await api.call('DELETE', `${path}/documents/a`, { token })).toMatchObject({
        body: { deletedChunks: 15 },
      })
      expect(await put('b', 6)).toMatchObject({ status: 201 })
    } finally {
      await api.stop()
    }
  })
})
