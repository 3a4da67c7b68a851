import { describe, expect, it } from 'vitest'
import type { ChromaCollection } from '../../../checks/chroma/collection.ts'
import { examineShard } from '../../../checks/damage/shard-damage.ts'
import type { CreatorId } from '../../../checks/store/creator-id.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'
import { ServerError } from '../../../checks/transport/server-error.ts'

const { signal } = new AbortController()

const version = (sequence: number, count: number) => ({ sequence, tag: 'a', count })
const idsOf = (creator: string, sequence: number, count: number): string[] =>
  Array.from({ length: count }, (_, chunk) =>
    recordId(creator as CreatorId, 'd', version(sequence, count), chunk),
  )

/** A collection whose index finds some of its records, and that has lost the vectors of others. */
function collectionOf(ids: string[], missing: { unlinked?: string[]; lost?: string[] }) {
  const unlinked = new Set(missing.unlinked)
  const lost = new Set(missing.lost)
  const asked: number[] = []
  const faulty = () => new ServerError('faulty', 'Error executing plan: Error finding id')
  const records: Partial<ChromaCollection> = {
    size: async () => ids.length,
    ids: async (offset, limit) => ids.slice(offset, offset + limit),
    async reachedIds(_where, _vector, count) {
      asked.push(count)
      return ids.filter(id => !unlinked.has(id) && !lost.has(id))
    },
    async idsWithVectors(_where, some) {
      if (some.some(id => lost.has(id))) throw faulty()
      return some
    },
    get: async (_where, options) =>
      ('ids' in options ? options.ids : []).map(id => ({
        id,
        metadata: undefined,
        text: undefined,
        vector: undefined,
      })),
  }
  return { records: records as ChromaCollection, asked }
}

describe('what is wrong with a shard', () => {
  const large = idsOf('large', 2, 120)
  const small = idsOf('small', 1, 3)

  it('is nothing, asked once, when the index finds all', async () => {
    const { records, asked } = collectionOf([...large, ...small], {})
    expect(await examineShard(records, 8, signal)).toEqual({ records: 123, lost: [], notFound: [] })
    expect(asked).toEqual([123])
  })

  it('is told by creator where the index misses chunks, and apart from lost vectors', async () => {
    const before = idsOf('large', 1, 1)
    const { records } = collectionOf([...before, ...large, ...small], {
      unlinked: [...before, large[3]!, large[70]!, small[1]!],
      lost: [large[5]!],
    })
    const damage = await examineShard(records, 8, signal)
    expect(damage.lost).toEqual([large[5]])
    // What does not count any more is nothing that a question could miss.
    expect(damage.notFound).toEqual([
      { creator: 'large', chunks: 120, ids: [large[3], large[70]] },
      { creator: 'small', chunks: 3, ids: [small[1]] },
    ])
  })

  it('is that nothing can be read where the server cannot load its index', async () => {
    const message = 'Error constructing hnsw segment reader: Error loading hnsw index'
    const { records } = collectionOf(large, {})
    records.size = async () => {
      throw new ServerError('faulty', message)
    }
    expect(await examineShard(records, 8, signal)).toMatchObject({ unreadable: message })
  })
})
