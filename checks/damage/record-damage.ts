import type { ChromaCollection } from '../chroma/collection.ts'
import { type CreatorId, isReserved } from '../store/creator-id.ts'
import { CurrentVersions } from '../store/records/current-versions.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { type ChunkName, chunkOf } from '../store/records/record-id.ts'
import type { ShardCollections } from '../store/shards/shard-collections.ts'
import type { Throttle } from './throttle.ts'

/** Records that are looked at at once. */
const PAGE = 5000

/** What is wrong with the records of a shard, by what their ids say and their metadata. Ids are of records. */
export interface RecordDamage {
  /** The store did not write them: nobody can tell whose they are. */
  foreign: string[]
  /** Their metadata does not say what their id says. */
  mislabelled: string[]
  /** Of creators whose shard is another. */
  misplaced: string[]
  /** Count nowhere: of versions that are there in part, or that a later one took the place of. */
  dead: number
}

/** Looks at all records but the verification's. */
export async function examineRecords(
  shards: ShardCollections,
  shard: number,
  records: ChromaCollection,
  throttle: Throttle,
): Promise<RecordDamage> {
  const damage: RecordDamage = { foreign: [], mislabelled: [], misplaced: [], dead: 0 }
  const ids: string[] = []
  const size = await throttle.run(() => records.size())
  for (let offset = 0; offset < size; offset += PAGE) {
    for (const { id, metadata } of await throttle.run(() =>
      records.page(offset, PAGE, ['metadatas']),
    )) {
      const name = chunkOf(id)
      if (name === undefined) {
        damage.foreign.push(id)
        continue
      }
      if (isReserved(name.creator as CreatorId)) continue
      ids.push(id)
      if (!isLabelled(name, metadata)) damage.mislabelled.push(id)
      if (shards.of(name.creator as CreatorId) !== shard) damage.misplaced.push(id)
    }
  }
  const versions = CurrentVersions.among(ids)
  damage.dead = ids.filter(id => !versions.has(id)).length
  return damage
}

function isLabelled(name: ChunkName, metadata: Record<string, unknown> | undefined): boolean {
  const labels = labelsOf(name)
  return (
    metadata !== undefined &&
    Number.isFinite(metadata[RECORD_KEYS.createdAt]) &&
    Object.entries(labels).every(([key, value]) => metadata[key] === value)
  )
}

/** What the metadata of a record says of the chunk that its id names. */
export const labelsOf = ({ creator, document, chunk }: ChunkName) => ({
  [RECORD_KEYS.creator]: creator,
  [RECORD_KEYS.document]: document,
  [RECORD_KEYS.chunk]: chunk,
})
