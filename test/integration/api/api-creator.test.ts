import { setTimeout as sleep } from 'node:timers/promises'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { creatorPath, documentPath, type TestApi } from '../../support/api/api.ts'
import { type ServedModels, serveModels } from '../../support/api/served-models.ts'

describe('all that a creator has, over HTTP', () => {
  let served: ServedModels
  let api: TestApi
  let service: string

  beforeAll(async () => {
    served = await serveModels()
    ;({ api, service } = served)
  })
  afterAll(() => served?.stop())

  const path = '/api/v1/creators'
  const body = { text: 'This is nobody else’s business.' }
  const usage = (creator: string, token: string) =>
    api.call('GET', creatorPath(creator, 'usage'), { token })

  async function exported(creator: string, token: string) {
    const url = `${api.url}${creatorPath(creator, 'export')}`
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    const file = await answer.arrayBuffer()
    return { answer, rows: answer.ok ? await parquetReadObjects({ file }) : [] }
  }

  it('is exported as a file that others read, whole, for its own token or a service’s', async () => {
    const token = await api.tokenFor('hanna')
    const axis = (at: number) => Array.from({ length: 384 }, (_, index) => (index === at ? 1 : 0))
    const chunks = Array.from({ length: 384 }, (_, at) => ({
      text: `axis ${at}`,
      vector: axis(at),
    }))
    for (const document of ['a', 'b', 'c']) {
      const metadata = { of: document }
      const put = { token, body: { chunks, metadata } }
      await api.call('PUT', documentPath('hanna', document), put)
    }
    await api.call('PUT', documentPath('ilse', 'a'), { token: service, body })
    for (const who of [token, service]) {
      const { answer, rows } = await exported('hanna', who)
      expect(answer.headers.get('content-type')).toBe('application/vnd.apache.parquet')
      expect(rows).toHaveLength(3 * 384)
      expect(rows[385]).toMatchObject({
        creator_id: 'hanna',
        document_id: 'b',
        chunk_index: 1,
        text: 'axis 1',
        metadata: { of: 'b' },
        created_at: expect.any(Date),
      })
      expect(Array.from(rows[385]!.embedding as number[])).toEqual(axis(1))
    }
  })

  it('is no more than its own, and nothing of who has nothing', async () => {
    const token = await api.tokenFor('nobody')
    expect((await exported('nobody', token)).rows).toEqual([])
    expect((await exported('hanna', token)).answer.status).toBe(403)
    expect((await api.call('GET', creatorPath('hanna', 'export'))).status).toBe(401)
  })

  it('is forgotten: it has nothing any more, and no token of it counts that was made before', async () => {
    const token = await api.tokenFor('dora')
    await api.call('PUT', documentPath('dora', 'a'), { token, body })
    await api.call('PUT', documentPath('ernie', 'a'), { token: service, body })
    const gone = await api.call('DELETE', `${path}/dora`, { token })
    expect(gone).toMatchObject({ status: 200, body: { deletedChunks: 1 } })
    await vi.waitFor(async () => expect((await usage('dora', token)).status).toBe(401), 10_000)
    expect(await usage('dora', token)).toMatchObject({
      body: { error: { message: expect.stringContaining('forgotten') } },
    })
    expect(await usage('dora', service)).toMatchObject({ status: 200, body: { records: 0 } })
    expect(await usage('ernie', service)).toMatchObject({ status: 200, body: { records: 1 } })
  })

  it('is forgotten by its own token or a service’s, and by nobody else’s', async () => {
    const other = await api.tokenFor('frank')
    expect(await api.call('DELETE', `${path}/ernie`, { token: other })).toMatchObject({
      status: 403,
    })
    expect(await api.call('DELETE', `${path}/ernie`)).toMatchObject({ status: 401 })
    expect(await usage('ernie', service)).toMatchObject({ body: { records: 1 } })
    expect(await api.call('DELETE', `${path}/ernie`, { token: service })).toMatchObject({
      status: 200,
    })
  })

  it('may come again after it was forgotten, with a token that was made afterwards', async () => {
    await api.call('DELETE', `${path}/greta`, { token: service })
    // Tokens say the second in which they were made.
    await sleep(1100)
    const token = await api.tokenFor('greta')
    const put = await api.call('PUT', documentPath('greta', 'a'), { token, body })
    expect(put.status).toBe(201)
    expect(await usage('greta', token)).toMatchObject({ status: 200, body: { records: 1 } })
  })
})
