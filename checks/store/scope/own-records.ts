import type { StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { ServerError } from '../../transport/server-error.ts'
import type { CreatorId } from '../creator-id.ts'
import { scoped } from '../filter/filter.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf } from '../records/record-id.ts'

/**
 * Those of a creator's records that are as the store writes them. What somebody wrote past it is passed over, so that it
 * costs nobody the rest.
 * @param found with their metadata
 * @throws ServerError `faulty` when one of them is another creator's: then the server ignores filters
 */
export function ownRecords<Kind extends StoredRecord>(
  { label }: ChromaCollection,
  creator: CreatorId,
  found: readonly Kind[],
): Kind[] {
  if (found.some(({ metadata }) => metadata?.[RECORD_KEYS.creator] !== creator)) {
    throw ofAnother(label)
  }
  return found.filter(record => isOwn(creator, record.id) && isSound(record))
}

/** Whether it has a time, a position and a direction. */
function isSound({ metadata, vector }: StoredRecord): boolean {
  return (
    Number.isFinite(metadata?.[RECORD_KEYS.createdAt]) &&
    Number.isInteger(metadata?.[RECORD_KEYS.chunk]) &&
    (vector === undefined || vector.some(part => part !== 0))
  )
}

const ofAnother = (label: string) =>
  new ServerError('faulty', `${label} answered with records of another creator`)

/**
 * Those of the ids that the store gave to records of this creator: as ownRecords does, where there is no metadata.
 * @throws ServerError `faulty` as ownRecords
 */
export async function ownIds(
  records: ChromaCollection,
  creator: CreatorId,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const foreign = ids.filter(id => !isOwn(creator, id))
  if (foreign.length === 0) return [...ids]
  const options = { ids: foreign, include: ['metadatas' as const] }
  const found = await records.get(scoped(creator), options, signal)
  const own = found.filter(({ metadata }) => metadata?.[RECORD_KEYS.creator] === creator)
  if (own.length < foreign.length) {
    throw ofAnother(records.label)
  }
  return ids.filter(id => isOwn(creator, id))
}

const isOwn = (creator: CreatorId, id: string): boolean => chunkOf(id)?.creator === creator
