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
  return { mend: () => records.delete({ $or: [MARK, ANY_OF_IT] }, [stray.id]) }
}

/** Also of a record whose document was changed. */
const ANY_OF_IT = { [RECORD_KEYS.chunk]: { $eq: 0 } }
