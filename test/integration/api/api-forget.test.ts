import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { creatorPath, documentPath, type TestApi } from '../../support/api/api.ts'
import { type ServedModels, serveModels } from '../../support/api/served-models.ts'

describe('a creator who is forgotten over HTTP', () => {
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

  it('has nothing any more, and no token of it counts that was made before', async () => {
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

  it('may come again, with a token that was made afterwards', async () => {
    await api.call('DELETE', `${path}/greta`, { token: service })
    // Tokens say the second in which they were made.
    await sleep(1100)
    const token = await api.tokenFor('greta')
    const put = await api.call('PUT', documentPath('greta', 'a'), { token, body })
    expect(put.status).toBe(200)
    expect(await usage('greta', token)).toMatchObject({ status: 200, body: { records: 1 } })
  })
})
