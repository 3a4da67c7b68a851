import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChromaCollection } from '../../../checks/chroma/collection.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import { scoped } from '../../../checks/store/filter/filter.ts'
import { cosineDistance } from '../../../checks/store/query/rank.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 64
const TOPICS = Array.from({ length: 12 }, (_, topic) => vectorFor(`topic ${topic}`, DIMENSION))
/** Of a part of noise to one of topic: dense enough that some nodes of an index are linked from no other. */
const NOISE = 0.15

let drawn = 0
/** Near one of the topics, another with each call, and the same in each run. */
function drawVector(): number[] {
  drawn += 1
  const topic = TOPICS[(drawn * 7) % TOPICS.length]!
  const noise = vectorFor(`noise ${drawn}`, DIMENSION)
  return topic.map((part, index) => part + NOISE * noise[index]!)
}

describe('what was stored is found', () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>

  beforeAll(async () => {
    chroma = await startChroma()
    store = await openStore(outputsOf({ chroma: [chroma.url], dimensions: DIMENSION, shards: 5 }))
  })
  afterAll(async () => {
    await store?.close()
    await chroma?.stop()
  })

  const chunksOf = new Map<string, Map<string, number[][]>>()
  const lengthOf = (round: number) => 5 + ((round * 13) % 40)
  async function put(creator: Creator, document: string, length: number): Promise<void> {
    const vectors = Array.from({ length }, drawVector)
    const chunks = vectors.map((vector, index) => ({ text: `${document} ${index}`, vector }))
    await creator.upsert([{ id: document, chunks }])
    chunksOf.set(creator.id, (chunksOf.get(creator.id) ?? new Map()).set(document, vectors))
  }

  it('after a life of inserts, replaces of other lengths and deletes: all of it by its own vector, and the nearest of what was asked', async () => {
    const creators = ['large', 'middle', 'small'].map(id => store.knowledge.creator(id))
    const sizes = [40, 20, 3]
    for (const [which, creator] of creators.entries()) {
      for (let document = 0; document < sizes[which]!; document += 1) {
        await put(creator, `d${document}`, lengthOf(document))
      }
      for (let round = 0; round < sizes[which]! / 3; round += 1) {
        await put(creator, `d${round * 3}`, lengthOf(round + 5))
      }
    }
    for (const creator of creators) {
      const own = chunksOf.get(creator.id)!
      for (const document of [...own.keys()].filter((_, index) => index % 2 === 1)) {
        await creator.delete({ documents: [document] })
        own.delete(document)
      }
    }
    const missing: string[] = []
    const recalls: number[] = []
    let all = 0
    for (const creator of creators) {
      const own = [...chunksOf.get(creator.id)!].flatMap(([document, vectors]) =>
        vectors.map((vector, index) => ({ text: `${document} ${index}`, vector })),
      )
      expect(await creator.count()).toBe(own.length)
      // What the index cannot find is known after the first few questions, and is looked for beside them.
      for (let asked = 0; asked < 6; asked += 1) await creator.query({ vector: own[0]!.vector })
      await sleep(300)
      for (const { text, vector } of own) {
        const [hit] = await creator.query({ vector }, { count: 1 })
        if (hit?.text !== text) missing.push(`${creator.id} ${text}`)
      }
      all += own.length
      recalls.push(await recallOf(creator, own))
    }
    expect(missing).toEqual([])
    expect(all).toBeGreaterThan(500)
    expect(recalls.reduce((sum, recall) => sum + recall) / recalls.length).toBeGreaterThan(0.95)
    expect(Math.min(...recalls)).toBeGreaterThan(0.9)
  })

  async function recallOf(creator: Creator, own: { text: string; vector: number[] }[]) {
    let found = 0
    for (let question = 0; question < 30; question += 1) {
      const vector = drawVector()
      const exact = own
        .map(({ text, vector: other }) => ({ text, distance: cosineDistance(other, vector) }))
        .sort((a, b) => a.distance - b.distance)
        .slice(0, 10)
      const hits = new Set((await creator.query({ vector }, { count: 10 })).map(({ text }) => text))
      found += exact.filter(({ text }) => hits.has(text)).length / exact.length
    }
    return found / 30
  }

  it('by exact ranking up to 100 chunks, also of a creator who had more a moment ago', async () => {
    const creator = store.knowledge.creator('shrinks')
    await put(creator, 'kept', 90)
    await put(creator, 'more', 30)
    const vector = drawVector()
    await creator.query({ vector })
    await creator.delete({ documents: ['more'] })
    const sent = await withoutIndex(async () => {
      const hits = await creator.query({ vector }, { count: 5 })
      const exact = chunksOf
        .get('shrinks')!
        .get('kept')!
        .map((other, index) => ({ text: `kept ${index}`, distance: cosineDistance(other, vector) }))
        .sort((a, b) => a.distance - b.distance)
      expect(hits.map(({ text }) => text)).toEqual(exact.slice(0, 5).map(({ text }) => text))
    })
    expect(sent).toBe(0)
  })

  /** @returns how often the index was asked once it was known that the creator has less */
  async function withoutIndex(ask: () => Promise<void>): Promise<number> {
    const { shards } = store.knowledge
    const shard = shards.of(store.knowledge.creator('shrinks').id)
    let asked = 0
    await shards.readShard(shard, undefined, async (records: ChromaCollection) => {
      // The first question asks it, and answers otherwise.
      await ask()
      const query = records.query.bind(records)
      records.query = (...args) => {
        asked += 1
        return query(...args)
      }
      await ask()
      records.query = query
    })
    return asked
  }

  it("though records of somebody else's making lie among it, which cost nothing but themselves", async () => {
    const creator = store.knowledge.creator('beset')
    await put(creator, 'own', 3)
    const { shards } = store.knowledge
    const record = (id: string, metadata: object, vector = drawVector()) => ({
      id,
      text: id,
      vector,
      metadata: {
        creator_id: creator.id,
        document_id: 'foreign',
        chunk_index: 0,
        created_at: 1,
        ...metadata,
      },
    })
    const foreign = [
      record('5:beset7:foreign0', { created_at: 'yesterday' }),
      record('5:beset7:foreign1', { created_at: true }),
      record('5:beset7:foreign2', { chunk_index: 'two' }),
      record('5:beset7:foreign3', { chunk_index: 3 }, Array(DIMENSION).fill(0)),
      record('6:nobody7:foreign0', {}),
      record('a made-up id', {}),
    ]
    const inShard = <T>(use: (records: ChromaCollection) => Promise<T>) =>
      shards.readShard(shards.of(creator.id), undefined as T, use)
    await inShard(records => records.add(foreign))
    expect((await creator.get()).filter(({ document }) => document === 'own')).toHaveLength(3)
    expect((await creator.documents()).map(({ document }) => document)).toContain('own')
    const hits = await creator.query({ vector: foreign[0]!.vector }, { count: 10 })
    expect(hits.filter(({ document }) => document === 'own')).toHaveLength(3)
    expect(hits.every(({ distance }) => Number.isFinite(distance))).toBe(true)
    await creator.clear()
    expect(await inShard(records => records.get(scoped(creator.id), { include: [] }))).toEqual([])
  })
})
