import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { StoreStatistics } from '../../../checks/store/statistics.ts'
import { collectionOf, shardOf } from '../../../infra/shards.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

const SHARDS = 5
const DIMENSION = 8

describe('the statistics of a store', () => {
  let chroma: [RunningChroma, RunningChroma]
  let store: Awaited<ReturnType<typeof openStore>>
  let knowledge: Knowledge

  beforeAll(async () => {
    chroma = [await startChroma(), await startChroma()]
    const urls = chroma.map(({ url }) => url)
    store = await openStore(outputsOf({ chroma: urls, shards: SHARDS, dimensions: DIMENSION }))
    knowledge = store.knowledge
  })
  afterAll(async () => {
    await store.close()
    for (const server of chroma) await server.stop()
  })

  const chunks = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      text: `${index}`,
      vector: vectorFor(`${index}`, DIMENSION),
    }))

  /** So many creators of one shard. */
  function creatorsIn(shard: number, name: string, count: number): Creator[] {
    const creators: Creator[] = []
    for (let attempt = 0; creators.length < count; attempt += 1) {
      const id = `${name} ${attempt}`
      if (shardOf(id, SHARDS) === shard) creators.push(knowledge.creator(id))
    }
    return creators
  }

  it('are all zero before anything was written', async () => {
    const found = await knowledge.statistics()
    expect(StoreStatistics.parse(found)).toEqual(found)
    expect(found).toMatchObject({
      generation: 1,
      records: 0,
      creators: { count: 0, exact: true },
      dimension: DIMENSION,
      imbalance: null,
    })
    expect(found.shards.map(({ shard, instance, exists }) => [shard, instance, exists])).toEqual([
      [0, 0, false],
      [1, 1, false],
      [2, 0, false],
      [3, 1, false],
      [4, 0, false],
    ])
  })

  it('count records and creators by shard, and not those of the verification', async () => {
    const [a, b] = creatorsIn(1, 'small', 2)
    const [c] = creatorsIn(4, 'small', 1)
    await a!.upsert([{ id: 'x', chunks: chunks(3) }])
    await b!.upsert([{ id: 'x', chunks: chunks(2) }])
    await c!.upsert([{ id: 'x', chunks: chunks(5) }])
    const found = await knowledge.statistics()
    expect(found).toMatchObject({
      records: 10,
      creators: { count: 3, exact: true },
      // 5 of 10 records are in the fullest of 5 shards.
      imbalance: 2.5,
    })
    expect(found.shards[1]).toEqual({
      shard: 1,
      collection: 'knowledge_shard_1',
      instance: 1,
      exists: true,
      records: 5,
      creators: { count: 2, exact: true },
      dimension: DIMENSION,
    })
    const probe = knowledge.probe('statistics')
    await probe.upsert([{ id: 'x', chunks: chunks(1) }])
    expect((await knowledge.statistics()).creators.count).toBe(3)
    await probe.clear()
  })

  it('count the creators of a large shard too, however many records each has', async () => {
    const creators = creatorsIn(0, 'many', 1200)
    const size = (index: number) => (index % 20 === 0 ? 9 : 1)
    await knowledge.upsert(
      new Map(creators.map(({ id }, index) => [id, [{ id: 'x', chunks: chunks(size(index)) }]])),
    )
    const records = creators.reduce((sum, _, index) => sum + size(index), 0)
    const [shard] = (await knowledge.statistics()).shards
    expect(shard).toMatchObject({ records, creators: { count: 1200, exact: true } })
  })

  it('leave out records of somebody else’s making', async () => {
    const before = await knowledge.statistics()
    const [server] = store.deployment.chroma
    const { database } = knowledge.shards
    const shard = await server!.findCollection(database, collectionOf(0))
    await server!.records(database, shard!.id).upsert([
      { id: 'of no creator', metadata: { a: 1 }, text: 'x', vector: vectorFor('x', DIMENSION) },
      { id: '99:short', metadata: { a: 1 }, text: 'x', vector: vectorFor('x', DIMENSION) },
    ])
    const after = await knowledge.statistics()
    expect(after.creators).toEqual(before.creators)
  })
})
