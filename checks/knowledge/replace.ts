import type { ChromaCollection } from '../chroma/collection.ts'
import type { NewRecord, StoredRecord } from '../chroma/records.ts'
import { RECORD_KEYS } from './metadata.ts'
import { chunkOf } from './record-id.ts'
import { fetchSelected, type Selected } from './selected.ts'

/**
 * Writes the chunks of some documents and takes away what older versions of them have besides: higher chunks, and
 * metadata keys that are gone (Chroma merges the metadata of an upsert into the old). What is there is looked at first,
 * and goes when the new chunks are in, so that a repeat mends whatever a failure left half done. What another writer
 * wrote meanwhile is left alone: it is told by when it was written, but no clock is trusted to put that in order.
 * @param own all records of the creators
 * @param where the creators and these documents; a document of the same id of another of these creators is left alone
 */
export async function replace(
  records: ChromaCollection,
  { own, where }: Pick<Selected, 'own' | 'where'>,
  fresh: readonly NewRecord[],
  signal?: AbortSignal,
): Promise<void> {
  const documents = new Set(fresh.map(({ id }) => documentOf(id)))
  const byId = (id: string) => documents.has(documentOf(id))
  const options = { include: ['metadatas' as const] }
  const found = await fetchSelected(records, { own, where, byId }, options, signal)
  const old = new Map(found.filter(({ id }) => byId(id)).map(record => [record.id, record]))
  await records.upsert(
    fresh.map(record => withoutOldKeys(record, old.get(record.id))),
    signal,
  )

  for (const { id } of fresh) old.delete(id)
  const stale = [...old.values()].filter(record => Number.isFinite(writtenAt(record)))
  if (stale.length === 0) return
  const times = [...new Set(stale.map(writtenAt))]
  const unchanged = { $and: [own, { [RECORD_KEYS.createdAt]: { $in: times } }] }
  await records.delete(
    unchanged,
    stale.map(({ id }) => id),
    signal,
  )
}

/** A document of a creator, as a key. */
function documentOf(id: string): string {
  const { creator, document } = chunkOf(id) ?? {}
  return JSON.stringify([creator, document])
}

const writtenAt = ({ metadata }: StoredRecord): number => Number(metadata?.[RECORD_KEYS.createdAt])

/** The record with a null for each key that an older version left on it. */
function withoutOldKeys(record: NewRecord, old: StoredRecord | undefined): NewRecord {
  const gone = Object.keys(old?.metadata ?? {}).filter(key => !Object.hasOwn(record.metadata, key))
  if (gone.length === 0) return record
  const nulls = Object.fromEntries(gone.map(key => [key, null]))
  return { ...record, metadata: { ...record.metadata, ...nulls } }
}
