import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { ChromaCollection } from '../../../checks/chroma/collection.ts'
import { parseCreatorId } from '../../../checks/store/creator-id.ts'
import { Nearest } from '../../../checks/store/query/nearest.ts'
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
