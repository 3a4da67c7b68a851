import type { NewRecord, StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { CreatorId } from '../store/creator-id.ts'
import type { Generation } from '../store/generations.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { chunkOf, creatorOf } from '../store/records/record-id.ts'
import { EVERYTHING, whereCreators } from '../store/shards/creators-records.ts'
import { labelsOf } from './record-damage.ts'
import { EVERYBODY } from './shard-damage.ts'

/** Records that are mended at once. */
const BATCH = 500

/**
 * Gives records the metadata that their ids say, and the time at which they are mended where they have none.
 * @param now Unix milliseconds
 * @returns how many
 */
export async function relabel(
  { versions }: Generation,
  records: ChromaCollection,
  ids: readonly string[],
  now: number,
  signal: AbortSignal,
): Promise<number> {
  return inBatches(records, ids, signal, async (found, creators) => {
    const labelled = found.map(({ id, text = '', vector, metadata = {} }) => {
      const labels = labelsOf(chunkOf(id)!)
      const createdAt = metadata[RECORD_KEYS.createdAt]
      const at = Number.isFinite(createdAt) ? (createdAt as number) : now
      const whole = { ...metadata, ...labels, [RECORD_KEYS.createdAt]: at }
      return { id, text, vector: vector!, metadata: whole as NewRecord['metadata'] }
    })
    await versions.during(creators, async announced => {
      await announced
      await records.upsert(labelled, signal)
    })
    return labelled.length
  })
}

/**
 * Puts records into the shard of their creator, where there is none of the same id, and takes them out of this.
 * @returns how many
 */
export async function replace(
  { shards, versions }: Generation,
  records: ChromaCollection,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  return inBatches(records, ids, signal, async (found, creators) => {
    for (const creator of creators) {
      const own = found.filter(({ id }) => creatorOf(id) === creator) as NewRecord[]
      const put = (announced: Promise<void>) =>
        shards.write([creator], async there => {
          await announced
          await there.add(own, signal)
        })
      await versions.during([creator], put)
    }
    await records.delete(
      whereCreators(creators),
      found.map(({ id }) => id),
      signal,
    )
    return found.length
  })
}

async function inBatches(
  records: ChromaCollection,
  ids: readonly string[],
  signal: AbortSignal,
  mend: (found: StoredRecord[], creators: CreatorId[]) => Promise<number>,
): Promise<number> {
  let mended = 0
  for (let start = 0; start < ids.length; start += BATCH) {
    const some = ids.slice(start, start + BATCH)
    const found = await records.get(EVERYBODY, { ids: some, include: EVERYTHING }, signal)
    const creators = [...new Set(found.map(({ id }) => creatorOf(id) as CreatorId))]
    mended += await mend(found, creators)
  }
  return mended
}
