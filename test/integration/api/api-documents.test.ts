import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RESERVED_PREFIX } from '../../../checks/store/creator-id.ts'
import { creatorPath, documentPath, type TestApi } from '../../support/api/api.ts'
import { type ServedModels, serveModels } from '../../support/api/served-models.ts'

const CURSOR_OF_BOB = Buffer.from('3:bob1:a1-x-1-0').toString('base64url')
const STATS = '/api/v1/ai/chromadb/stats'

describe('a creator’s documents over HTTP', () => {
  let served: ServedModels
  let api: TestApi
  let service: string

  beforeAll(async () => {
    served = await serveModels()
    ;({ api, service } = served)
  })
  afterAll(() => served?.stop())

  const alice = 'alice'
  const cats = 'Cats purr when they are content. Volcanoes erupt without a warning.'

  it('are put, listed, read, found and deleted with the creator’s token', async () => {
    const token = await api.tokenFor(alice)
    const metadata = { topic: 'mixed', rank: 2, draft: false }
    const put = () =>
      api.call('PUT', documentPath(alice, 'cats/1?#'), { token, body: { text: cats, metadata } })
    const stored = { document: 'cats/1?#', chunks: 1 }
    expect(await put()).toMatchObject({ status: 201, body: stored })
    expect(await put()).toMatchObject({ status: 200, body: stored })

    const list = await api.call('GET', creatorPath(alice, 'documents'), { token })
    const time = expect.stringMatching(/Z$/)
    const entry = { document: 'cats/1?#', metadata, createdAt: time, updatedAt: time }
    expect(list.body).toEqual({ documents: [entry], next: null })
    const [{ createdAt, updatedAt }] = list.body.documents
    expect(updatedAt > createdAt).toBe(true)

    const read = await api.call('GET', documentPath(alice, 'cats/1?#'), { token })
    expect(read.body).toEqual({ ...entry, chunks: [{ index: 0, text: cats }], next: null })

    const question = { text: 'purring animals', filter: { topic: 'mixed' }, count: 3 }
    const found = await api.call('POST', creatorPath(alice, 'query'), { token, body: question })
    expect(found.body.hits).toMatchObject([{ ...entry, index: 0, text: cats }])
    const elsewhere = { ...question, filter: { topic: 'none' } }
    const missed = await api.call('POST', creatorPath(alice, 'query'), { token, body: elsewhere })
    expect(missed.body).toEqual({ hits: [] })

    const gone = await api.call('DELETE', documentPath(alice, 'cats/1?#'), { token })
    expect(gone.body).toEqual({ deletedChunks: 1 })
    const after = await api.call('GET', documentPath(alice, 'cats/1?#'), { token })
    expect(after).toMatchObject({ status: 404, body: { error: { code: 'not-found' } } })
  })

  it('come with vectors of the caller’s too, and are found by one', async () => {
    const axis = (at: number) => Array.from({ length: 384 }, (_, index) => (index === at ? 1 : 0))
    const chunks = [0, 1, 2].map(at => ({ text: `axis ${at}`, vector: axis(at) }))
    const token = service
    await api.call('PUT', documentPath('carol', 'axes'), { token, body: { chunks } })
    const body = { vector: axis(1), count: 1 }
    const { body: found } = await api.call('POST', creatorPath('carol', 'query'), { token, body })
    expect(found.hits).toMatchObject([{ document: 'axes', index: 1, text: 'axis 1' }])
  })

  it('are paged', async () => {
    for (const name of ['one', 'two', 'three']) {
      const body = { text: name }
      await api.call('PUT', documentPath('dora', name), { token: service, body })
    }
    const page = async (query: string) => {
      const path = creatorPath('dora', `documents?${query}`)
      const { body } = await api.call('GET', path, { token: service })
      const names = body.documents.map(({ document }: { document: string }) => document)
      return { names, next: body.next }
    }
    expect(await page('limit=3')).toEqual({ names: ['one', 'three', 'two'], next: null })
    const { names, next } = await page('limit=2')
    expect(names).toEqual(['one', 'three'])
    // What comes, goes and changes meanwhile moves nothing into another page.
    await api.call('DELETE', documentPath('dora', 'one'), { token: service })
    for (const name of ['four', 'three', 'two']) {
      const body = { text: `${name} anew` }
      await api.call('PUT', documentPath('dora', name), { token: service, body })
    }
    expect(await page(`limit=2&cursor=${next}`)).toEqual({ names: ['two'], next: null })
  })

  it('are paged by chunk when one is read', async () => {
    const vector = Array.from({ length: 384 }, () => 1)
    const chunks = Array.from({ length: 7 }, (_, index) => ({ text: `${index}`, vector }))
    await api.call('PUT', documentPath('fay', 'long'), { token: service, body: { chunks } })
    const read: number[] = []
    const page = (next?: string) => {
      const cursor = next === undefined ? '' : `&cursor=${next}`
      return api.call('GET', `${documentPath('fay', 'long')}?limit=3${cursor}`, { token: service })
    }
    let last: string | undefined
    for (let next: string | null | undefined; next !== null; ) {
      const { body } = await page(next)
      read.push(...body.chunks.map(({ index }: { index: number }) => index))
      last = next
      next = body.next
    }
    expect(read).toEqual([0, 1, 2, 3, 4, 5, 6])

    await api.call('PUT', documentPath('fay', 'long'), { token: service, body: { chunks } })
    const { status, body } = await page(last)
    expect(status).toBe(409)
    expect(body).toMatchObject({ error: { code: 'changed' } })
    expect(body.detail).toContain('was put in anew while it was read')
  })

  it('are asked in no more words than the model takes, and the creator learns no more', async () => {
    const options = { token: await api.tokenFor('alice'), body: { text: 'a '.repeat(600) } }
    const { status, body } = await api.call('POST', creatorPath('alice', 'query'), options)
    expect(status).toBe(400)
    expect(body.error.message).toContain('longer than the model takes')
    expect(body.error.message).not.toContain('127.0.0.1')
  })

  it('are counted, by shard and in all', async () => {
    const before = (await api.call('GET', STATS)).body
    await api.call('PUT', documentPath('erin', 'd'), { token: service, body: { text: 'one' } })
    const { status, body } = await api.call('GET', STATS)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      records: before.records + 1,
      creators: { count: before.creators.count + 1, exact: true },
    })
    expect(body.shards).toHaveLength(10)
  })

  const deep = `{"text":"x","filter":${'{"$and":['.repeat(5000)}{}${']}'.repeat(5000)}}`
  const wide = Object.fromEntries(['a', 'b', 'c'].map(key => [key, 'x'.repeat(3000)]))
  it.each([
    ['nothing in it', 'PUT', 'documents/d', {}],
    ['blanks for a text', 'PUT', 'documents/d', { text: '   ' }],
    ['text and chunks at once', 'PUT', 'documents/d', { text: 'x', chunks: [] }],
    ['half a surrogate pair', 'PUT', 'documents/d', { text: 'half \ud800 a pair' }],
    ['U+0000 in a text', 'PUT', 'documents/d', { text: 'one\0two' }],
    ['U+0000 in metadata', 'PUT', 'documents/d', { text: 'x', metadata: { topic: 'one\0two' } }],
    ['reserved metadata', 'PUT', 'documents/d', { text: 'x', metadata: { creator_id: 'bob' } }],
    ['nested metadata', 'PUT', 'documents/d', { text: 'x', metadata: { nested: {} } }],
    ['much metadata', 'PUT', 'documents/d', { text: 'x', metadata: wide }],
    ['a prototype', 'PUT', 'documents/d', '{"text":"x","metadata":{"__proto__":1}}'],
    ['a short vector', 'PUT', 'documents/d', { chunks: [{ text: 'x', vector: [1, 2] }] }],
    ['an id that is not NFC', 'PUT', `documents/${encodeURIComponent('e\u0301')}`, { text: 'x' }],
    ['a long id', 'PUT', `documents/${'d'.repeat(513)}`, { text: 'x' }],
    ['two questions in one', 'POST', 'query', { text: 'x', vector: [1] }],
    ['a filter for another', 'POST', 'query', { text: 'x', filter: { creator_id: 'bob' } }],
    ['an empty filter', 'POST', 'query', { text: 'x', filter: { $and: [] } }],
    ['an object to compare', 'POST', 'query', { text: 'x', filter: { a: { $ne: {} } } }],
    ['a filter without a bottom', 'POST', 'query', deep],
    ['too many hits', 'POST', 'query', { text: 'x', count: 101 }],
    ['a page of nothing', 'GET', 'documents?limit=0', undefined],
    ['a page in words', 'GET', 'documents?limit=ten', undefined],
    ['a page by its number', 'GET', 'documents?offset=100', undefined],
    ['a cursor of nothing', 'GET', 'documents?cursor=0', undefined],
    ['a cursor of another', 'GET', `documents?cursor=${CURSOR_OF_BOB}`, undefined],
    ['a question in the query', 'GET', 'documents?where=all', undefined],
  ])('are refused with %s, in words', async (_what, method, rest, body) => {
    const answer = await api.call(method, creatorPath('alice', rest), { token: service, body })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'invalid' } } })
  })

  it('are nobody’s whose id is not valid, and not the verification’s either', async () => {
    const at = (creator: string) =>
      api.call('GET', creatorPath(creator, 'documents'), { token: service })
    expect(await at('e\u0301')).toMatchObject({ status: 400 })
    expect(await at('x'.repeat(257))).toMatchObject({ status: 400 })
    expect(await at(`${RESERVED_PREFIX}x`)).toMatchObject({ status: 403 })
  })
})
