import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { MOST_RANKED } from '../../../checks/store/query/nearest.ts'
import { cosineDistance } from '../../../checks/store/query/rank.ts'
import { collectionOf, databaseOf, shardOf } from '../../../infra/shards.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 384

/** A document whose chunks have vectors of their own, told by the text. */
const document = (id: string, texts: string[], metadata = {}) => ({
  id,
  metadata,
  chunks: texts.map(text => ({ text, vector: vectorFor(text, DIMENSION) })),
})

const texts = (count: number, name = 'text') =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`)

describe('the tenant store', () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>
  let knowledge: Knowledge
  let creator: Creator
  let creators = 0

  beforeAll(async () => {
    chroma = await startChroma()
    store = await openStore(outputsOf({ chroma: [chroma.url] }))
    knowledge = store.knowledge
  })
  afterAll(async () => {
    await store.close()
    await chroma.stop()
  })
  beforeEach(() => {
    creators += 1
    creator = knowledge.creator(`creator ${creators}`)
  })
  afterEach(async () => {
    await creator.clear()
  })

  const collections = () => store.deployment.chroma[0]!.collections(databaseOf(1))

  it('makes no shard for one who reads, and one that says what it is for who writes', async () => {
    const before = (await collections()).map(({ name }) => name)
    const reader = knowledge.creator(unusedShard(before))
    expect(await reader.get()).toEqual([])
    expect(await reader.query({ vector: vectorFor('x', DIMENSION) })).toEqual([])
    expect(await reader.count()).toBe(0)
    expect(await reader.delete({ documents: ['none'] })).toBe(0)
    expect((await collections()).map(({ name }) => name)).toEqual(before)

    await reader.upsert([document('a', ['text'])])
    const made = (await collections()).find(({ name }) => name === collectionOf(reader.shard))
    expect(made?.metadata).toEqual({
      generation: 1,
      shard_count: 10,
      hash_version: 1,
      embedding_model: 'all-minilm:latest',
      dimension: DIMENSION,
      space: 'cosine',
      document_prefix: '',
      query_prefix: '',
    })
    expect(made?.configuration_json.hnsw?.space).toBe('cosine')
    await reader.clear()
  })

  it('gives back documents as they were put in, chunk by chunk', async () => {
    const before = Date.now()
    await creator.upsert([document('a', texts(3), { topic: 'tea', year: 2020, draft: false })])
    const chunks = await creator.get({ documents: ['a'] })
    expect(chunks).toEqual(
      texts(3).map((text, index) => ({
        document: 'a',
        index,
        text,
        metadata: { topic: 'tea', year: 2020, draft: false },
        createdAt: expect.any(Date),
        updatedAt: chunks[0]!.createdAt,
      })),
    )
    const { metadata, createdAt, updatedAt } = chunks[0]!
    expect(createdAt.getTime()).toBeGreaterThanOrEqual(before)
    expect(await creator.documents()).toEqual([{ document: 'a', metadata, createdAt, updatedAt }])
  })

  it('keeps when a document first came while it is replaced, and says when it was last put in', async () => {
    const put = async (name: string, chunks: number) => {
      await creator.upsert([document('a', texts(chunks, name)), document(name, [name])])
      await sleep(2)
      return (await creator.documents()).find(({ document }) => document === 'a')!
    }
    const first = await put('first', 2)
    const second = await put('second', 1)
    expect(second.createdAt).toEqual(first.createdAt)
    expect(second.updatedAt.getTime()).toBeGreaterThan(first.updatedAt.getTime())
    const load = new Map([[creator.id, [document('a', texts(3, 'in a load'))]]])
    await knowledge.upsert(load)
    const third = await creator.get({ documents: ['a'] })
    for (const chunk of third) expect(chunk.createdAt).toEqual(first.createdAt)
    expect(third[0]!.updatedAt.getTime()).toBeGreaterThan(second.updatedAt.getTime())
    await creator.delete({ documents: ['a'] })
    const again = await put('again', 1)
    expect(again.createdAt).toEqual(again.updatedAt)
    expect(again.createdAt.getTime()).toBeGreaterThan(third[0]!.updatedAt.getTime())
  })

  it('leaves nothing of a document that is replaced: no chunk, no text, no metadata', async () => {
    await creator.upsert([document('a', texts(5, 'old'), { topic: 'tea', gone: 1 })])
    await creator.upsert([document('a', texts(2, 'new'), { topic: 'coffee' })])
    const chunks = await creator.get()
    expect(chunks.map(({ text, metadata }) => [text, metadata])).toEqual([
      ['new 0', { topic: 'coffee' }],
      ['new 1', { topic: 'coffee' }],
    ])
    expect(await creator.count({ filter: { gone: 1 } })).toBe(0)
  })

  it('refuses to add a document that is there, and leaves it as it was', async () => {
    await creator.add([document('a', ['first'])])
    await expect(creator.add([document('b', ['x']), document('a', ['second'])])).rejects.toThrow(
      'The document "a" exists already',
    )
    expect((await creator.get()).map(({ text }) => text)).toEqual(['first'])
  })

  it('keeps one document whole when many replace it at once, and lets one of them add it', async () => {
    const sizes = Array.from({ length: 12 }, (_, index) => (index % 6) + 1)
    await Promise.all(sizes.map(size => creator.upsert([document('a', texts(size, `${size}`))])))
    const chunks = await creator.get()
    expect(chunks.map(({ text }) => text)).toEqual(texts(chunks.length, `${chunks.length}`))

    const added = await Promise.allSettled(sizes.map(() => creator.add([document('b', ['x'])])))
    expect(added.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('finds by vector, filter and document, nearest first', async () => {
    await creator.upsert([
      document('tea', texts(3, 'tea'), { topic: 'tea' }),
      document('coffee', texts(3, 'coffee'), { topic: 'coffee' }),
    ])
    const vector = vectorFor('tea 1', DIMENSION)
    const all = await creator.query({ vector }, { count: 6 })
    expect(all[0]).toMatchObject({ document: 'tea', index: 1, text: 'tea 1' })
    expect(all[0]!.distance).toBeCloseTo(0, 6)
    const distances = all.map(hit => hit.distance)
    expect(distances).toEqual(distances.toSorted((a, b) => a - b))
    const filtered = await creator.query({ vector }, { filter: { topic: 'coffee' } })
    expect(new Set(filtered.map(hit => hit.document))).toEqual(new Set(['coffee']))
    const ofOne = await creator.query({ vector }, { documents: ['coffee'], count: 2 })
    expect(ofOne.map(hit => hit.document)).toEqual(['coffee', 'coffee'])
  })

  it.each([
    ['few chunks, by ranking them all', MOST_RANKED],
    ["many chunks, by Chroma's index", MOST_RANKED + 50],
  ])('finds the nearest of %s', async (_, count) => {
    await creator.upsert([document('long', texts(count))])
    const vector = vectorFor('a question', DIMENSION)
    const nearest = texts(count)
      .map(text => ({ text, distance: cosineDistance(vectorFor(text, DIMENSION), vector) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 5)
    const hits = await creator.query({ vector }, { count: 5 })
    expect(hits.map(({ text }) => text)).toEqual(nearest.map(({ text }) => text))
    for (const [index, hit] of hits.entries()) {
      expect(hit.distance).toBeCloseTo(nearest[index]!.distance, 5)
    }
    // Asked again it goes the same way without looking, and finds the same.
    expect(await creator.query({ vector }, { count: 5 })).toEqual(hits)
  })

  it('orders equally near chunks by id', async () => {
    const same = { text: 'same', vector: vectorFor('same', DIMENSION) }
    const ids = ['c', 'a', 'b']
    await creator.upsert(ids.map(id => ({ id, chunks: [same] })))
    const hits = await creator.query({ vector: same.vector })
    expect(hits.map(hit => hit.document)).toEqual(['a', 'b', 'c'])
  })

  it('deletes by document and by filter what it is told to, and nothing else', async () => {
    await creator.upsert([
      document('a', texts(2), { topic: 'tea' }),
      document('b', texts(3), { topic: 'tea' }),
      document('c', texts(1), { topic: 'coffee' }),
    ])
    expect(await creator.delete({ documents: ['a'] })).toBe(2)
    expect(await creator.delete({ filter: { topic: 'tea' } })).toBe(3)
    expect((await creator.documents()).map(({ document }) => document)).toEqual(['c'])
    await expect(creator.delete({})).rejects.toThrow('Nothing was said about what to delete')
    await expect(creator.delete({ documents: [] })).rejects.toThrow('empty')
    expect(await creator.count()).toBe(1)
  })

  it.each([
    ['a vector of another length', [1, 2, 3], 'A vector has 3 numbers; this store takes 384'],
    ['a vector with a gap', [Number.NaN, ...Array(383).fill(1)], 'finite numbers'],
    ['a vector without a direction', Array(384).fill(0), 'all zeros'],
  ])('refuses %s, to write it and to ask with it', async (_, vector, reason) => {
    const chunks = [{ text: 'x', vector }]
    await expect(creator.upsert([{ id: 'a', chunks }])).rejects.toThrow(reason)
    await expect(creator.query({ vector })).rejects.toThrow(reason)
    expect(await creator.count()).toBe(0)
  })

  it('refuses one document twice in a call, and one without text', async () => {
    const twice = [document('a', ['x']), document('a', ['y'])]
    await expect(creator.upsert(twice)).rejects.toThrow('The document "a" comes twice')
    await expect(creator.upsert([document('a', [' '])])).rejects.toThrow('has no text')
    await expect(creator.upsert([{ id: 'a', text: '' }])).rejects.toThrow('has no text')
  })

  it('takes more chunks at once than go into a request', async () => {
    await creator.upsert([document('long', texts(450))])
    expect(await creator.count()).toBe(450)
    expect(await creator.clear()).toBe(450)
  })

  it('takes chunks whose metadata fills more than a request takes', async () => {
    // A control character takes six bytes in JSON.
    const value = String.fromCharCode(1).repeat(4096)
    const metadata = Object.fromEntries(Array.from({ length: 32 }, (_, key) => [`k${key}`, value]))
    await creator.upsert([document('verbose', texts(60), metadata)])
    expect(await creator.count()).toBe(60)
  })

  it('tells the documents of one who has thousands of chunks apart', async () => {
    await creator.upsert(texts(51, 'document').map(id => document(id, texts(100))))
    const [first, second] = texts(2, 'document') as [string, string]
    const others = texts(51, 'document').slice(2).sort()
    const named = async (page: object) => {
      const { items, next } = await creator.documentsPage(page)
      return [items.map(({ document }) => document), next] as const
    }
    const [names, cursor] = await named({ limit: 2 })
    expect(names).toEqual([first, second])
    await creator.upsert([document(first, ['short'])])
    expect((await creator.get({ documents: [first] })).map(({ text }) => text)).toEqual(['short'])
    expect(await creator.count({ documents: [second] })).toBe(100)
    expect(await creator.delete({ documents: [second] })).toBe(100)
    expect(await named({})).toEqual([[first, ...others], null])
    expect(await named({ cursor })).toEqual([others, null])
    expect(await creator.count()).toBe(4901)
  })

  it('puts documents of many creators in at once, and in place of older ones', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `bulk ${index}`)
    const load = (name: string, size: number) =>
      new Map(ids.map(id => [id, [document('a', texts(size, `${id} ${name}`), { [name]: 1 })]]))
    const neighbour = knowledge.creator(ids[0])
    await knowledge.upsert(load('old', 12))
    await neighbour.upsert([document('b', ['kept'])])
    await knowledge.upsert(load('new', 3))
    for (const id of ids) {
      const chunks = await knowledge.creator(id).get({ documents: ['a'] })
      expect(chunks.map(({ text }) => text)).toEqual(texts(3, `${id} new`))
      expect(chunks[0]!.metadata).toEqual({ new: 1 })
    }
    expect(await neighbour.count({ documents: ['b'] })).toBe(1)
    for (const id of ids) await knowledge.creator(id).clear()
  })

  it('takes nothing away from a creator who has a document of the name that another one puts in', async () => {
    const [one, other] = sharers()
    await knowledge.creator(one).upsert([document('a', ['one']), document('b', ['one'])])
    await knowledge.creator(other).upsert([document('a', ['other']), document('b', ['other'])])
    await knowledge.upsert(
      new Map([
        [one, [document('a', ['new'])]],
        [other, [document('b', ['new'])]],
      ]),
    )
    const textsOf = async (id: string) =>
      (await knowledge.creator(id).get()).map(({ text }) => text)
    expect(await textsOf(one)).toEqual(['new', 'one'])
    expect(await textsOf(other)).toEqual(['other', 'new'])
    for (const id of [one, other]) await knowledge.creator(id).clear()
  })

  it.each([
    ['an invalid id', new Map([['', [document('a', ['x'])]]]), 'is empty'],
    ['a reserved id', new Map([['knowledge-stack/verify/x', [document('a', ['x'])]]]), 'reserved'],
    ['a document without text', new Map([['bulk', [document('a', [' '])]]]), 'has no text'],
  ])('refuses %s among many, and writes none of them', async (_, wrong, reason) => {
    const all = new Map(wrong).set('fine', [document('a', ['x'])])
    await expect(knowledge.upsert(all)).rejects.toThrow(reason)
    expect(await knowledge.creator('fine').count()).toBe(0)
  })

  it('goes on when a collection was taken away and made again by another process', async () => {
    await creator.upsert([document('a', ['x'])])
    const server = store.deployment.chroma[0]!
    await server.deleteDatabase(databaseOf(1))
    expect(await creator.count()).toBe(0)
    await creator.upsert([document('a', ['x'])])
    expect(await creator.count()).toBe(1)
  })

  it('says that the server is gone, and goes on when it is back', async () => {
    await creator.upsert([document('a', ['kept'])])
    await chroma.kill()
    try {
      await expect(creator.get()).rejects.toMatchObject({ reason: 'unreachable' })
    } finally {
      await chroma.start()
    }
    expect((await creator.get()).map(({ text }) => text)).toEqual(['kept'])
  })

  /** Two creators of one shard. */
  function sharers(): [string, string] {
    for (let attempt = 0; ; attempt += 1) {
      if (shardOf(`sharer ${attempt}`, 10) === shardOf('sharer', 10)) {
        return ['sharer', `sharer ${attempt}`]
      }
    }
  }

  /** A creator in a shard that does not exist yet. */
  function unusedShard(names: string[]): string {
    for (let attempt = 0; ; attempt += 1) {
      const id = `unused ${attempt}`
      if (!names.includes(collectionOf(shardOf(id, 10)))) return id
    }
  }
})
