import type { NewRecord } from '../../../checks/chroma/chroma-records.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { CreatorId } from '../../../checks/store/creator-id.ts'
import { RECORD_KEYS } from '../../../checks/store/records/metadata.ts'
import { recordId } from '../../../checks/store/records/record-id.ts'
import type { Defect } from '../defect.ts'
import type { World } from '../world.ts'

const DOCUMENT = 'written past the store'
const MARK = { [RECORD_KEYS.document]: { $eq: DOCUMENT } }

/** Records that were written past the store, into the real collections. */
export const RECORDS: Defect[] = [
  {
    defect: "a record of one creator in another's shard",
    done: "a record was written into a shard that is not its creator's",
    caughtBy: ['records-placed'],
    says: /1 lie in another shard than hash version 1 puts them in/,
    make: world => write(world, 'the last', record('ada')),
  },
  {
    defect: 'a record without creator_id',
    done: 'a record was written without it',
    caughtBy: ['records-placed'],
    says: /1 have no creator_id/,
    make(world) {
      const { [RECORD_KEYS.creator]: _, ...metadata } = record('ada').metadata
      return write(world, 'its own', { ...record('ada'), metadata })
    },
  },
  broken('a record without created_at', 'have no created_at', { [RECORD_KEYS.createdAt]: null }),
  broken('a record whose created_at is a text', 'have a created_at that is no time', {
    [RECORD_KEYS.createdAt]: 'yesterday',
  }),
  broken('a record without chunk_index', 'have no chunk_index', { [RECORD_KEYS.chunk]: null }),
  {
    defect: 'a record with a vector of zeros',
    done: 'a record was written with it',
    caughtBy: ['records-placed'],
    says: /1 have a vector of zeros/,
    make: world => write(world, 'its own', { ...record('ada'), vector: Array(768).fill(0) }),
  },
  {
    defect: 'two creators with one record id',
    done: "a creator's record was written over another's, under the same id",
    caughtBy: ['records-placed'],
    says: /1 have an id that is not their own/,
    async make(world) {
      const { mend } = await write(world, 'its own', record('ada'))
      const other = neighbourOf(world, 'ada')
      await write(world, 'its own', { ...record(other), id: record('ada').id })
      return { mend }
    },
  },
]

/** @param metadata in place of what it should have; null for none */
function broken(defect: string, says: string, metadata: NewRecord['metadata']): Defect {
  return {
    defect,
    done: 'it was written past the store',
    caughtBy: ['records-placed'],
    says: new RegExp(`1 ${says}`),
    make: world =>
      write(world, 'its own', {
        ...record('ada'),
        metadata: { ...record('ada').metadata, ...metadata },
      }),
  }
}

function record(creator: string): NewRecord {
  return {
    id: recordId(creator as CreatorId, DOCUMENT, { sequence: 1, tag: 'a', count: 1 }, 0),
    text: DOCUMENT,
    vector: vectorFor(creator, 768),
    metadata: {
      [RECORD_KEYS.creator]: creator,
      [RECORD_KEYS.document]: DOCUMENT,
      [RECORD_KEYS.chunk]: 0,
      [RECORD_KEYS.createdAt]: Date.now(),
    },
  }
}

/** Another creator in the same shard. */
function neighbourOf({ real }: World, creator: string): string {
  const { shards } = real.knowledge()
  for (let index = 0; ; index += 1) {
    const other = `neighbour ${index}`
    if (shards.of(other as CreatorId) === shards.of(creator as CreatorId)) return other
  }
}

/** @param where the shard of ada, or one that is not ada's */
async function write({ real }: World, where: 'its own' | 'the last', stray: NewRecord) {
  const { shards } = real.knowledge()
  const existing = await shards.existing()
  const own = shards.of('ada' as CreatorId)
  const others = [...existing.keys()].filter(shard => shard !== own)
  const shard = where === 'its own' ? own : others.at(-1)!
  const records = shards.server(shard).records(shards.database, existing.get(shard)!.id)
  await records.upsert([stray])
  return { mend: () => records.delete(MARK, [stray.id]) }
}
