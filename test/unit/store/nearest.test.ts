import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import type { ChromaCollection } from '../../../checks/chroma/collection.ts'
import { parseCreatorId } from '../../../checks/store/creator-id.ts'
import { scoped } from '../../../checks/store/filter/filter.ts'
import { Nearest } from '../../../checks/store/query/nearest.ts'
import { rank } from '../../../checks/store/query/rank.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'
import { KiB, MiB } from '../../../infra/units.ts'

const RECORDS = 10_000

/** A shard in which nothing matches. */
const records = {
  path: '/collections/1',
  size: async () => RECORDS,
  get: async () => [],
  query: async () => [],
} as unknown as ChromaCollection
const version = {
  cached: async () => 'm',
  current: async () => 'm',
  currentAll: async () => undefined,
  in: () => 'm',
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

describe('what is known of questions', () => {
  it('takes no more memory the longer the filters are that were asked with', async () => {
    const nearest = new Nearest()
    const before = heapUsed()
    for (let question = 0; question < 300; question += 1) {
      const creatorFilter = { creator_id: { $eq: 'a' } }
      const where = { $and: [creatorFilter, { topic: { $ne: `${question} `.repeat(50 * KiB) } }] }
      const searched = {
        records,
        creatorFilter,
        where,
        creator: parseCreatorId('a'),
        version,
      }
      expect(await nearest.find(searched, [1], 1)).toEqual([])
    }
    expect(heapUsed() - before).toBeLessThan(20 * MiB)
  })
})

describe('the nearest of a creator who has much', () => {
  const COUNT = 150
  const creator = parseCreatorId('a')
  const stored = Array.from({ length: COUNT }, (_, index) => ({
    id: recordId(creator, 'd', { sequence: 1, tag: 'x', count: COUNT }, index),
    metadata: { creator_id: 'a', document_id: 'd', chunk_index: index, created_at: 1 },
    text: `${index}`,
    vector: [Math.cos(index / COUNT), Math.sin(index / COUNT)],
  }))
  const lost = stored[70]!

  /** A shard whose index does not find one of its records, whatever it is asked for. */
  const shard = {
    path: '/collections/1',
    label: 'Chroma',
    get: async (where: object, { ids, limit }: { ids?: string[]; limit?: number }) => {
      if (ids !== undefined) return stored.filter(({ id }) => ids.includes(id))
      return JSON.stringify(where).includes('knowledge_head')
        ? stored.slice(0, 1)
        : stored.slice(0, limit)
    },
    query: async (_: object, vector: number[], { count }: { count: number }) =>
      rank(
        stored.filter(record => record !== lost),
        vector,
        count,
      ),
    reachedIds: async () => stored.filter(record => record !== lost).map(({ id }) => id),
  } as unknown as ChromaCollection

  it('has what the index does not find, once that was looked for', async () => {
    const nearest = new Nearest()
    const creatorFilter = scoped(creator)
    const searched = { records: shard, creatorFilter, where: creatorFilter, creator, version }
    const ask = () => nearest.find({ ...searched, byId: () => true }, lost.vector, 1)
    expect((await ask())[0]!.text).not.toBe('70')
    await vi.waitFor(async () => expect((await ask())[0]!.text).toBe('70'), { timeout: 20_000 })
  })
})
