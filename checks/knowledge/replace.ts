import type { Where } from 'chromadb'
import type { ChromaCollection, NewRecord, StoredRecord } from '../chroma/collection.ts'
import { RECORD_KEYS } from './metadata.ts'

/**
 * Writes the chunks of some documents and takes away what older versions of them left: higher chunks, and
 * metadata keys that are gone (Chroma merges the metadata of an upsert into the old). The new chunks are in
 * before anything old is removed, and what is removed is found by looking, so that a repeat mends whatever a
 * failure left half done. What another writer wrote later is left alone.
 * @param where the creators and these documents; a document of the same id of another of these creators is left alone
 */
export async function replace(
  records: ChromaCollection,
  where: Where,
  fresh: readonly NewRecord[],
  createdAt: number,
  signal?: AbortSignal,
): Promise<void> {
  await records.upsert(fresh, signal)
  const present = await records.get(where, { include: ['metadatas'] }, signal)
  const wanted = new Map(fresh.map(record => [record.id, record]))
  const documents = new Set(fresh.map(({ metadata }) => documentOf(metadata)))
  const ours = present.filter(
    ({ metadata = {} }) =>
      documents.has(documentOf(metadata)) && Number(metadata[RECORD_KEYS.createdAt]) <= createdAt,
  )

  const merged = ours.flatMap(record => withoutOldKeys(record, wanted.get(record.id)))
  if (merged.length > 0) await records.upsert(merged, signal)
  const stale = ours.filter(record => !wanted.has(record.id)).map(record => record.id)
  if (stale.length > 0) await records.delete(where, stale, signal)
}

/** A document of a creator, as a key. */
const documentOf = (metadata: Record<string, unknown>): string =>
  JSON.stringify([metadata[RECORD_KEYS.creator], metadata[RECORD_KEYS.document]])

/** The record with a null for each key that an older version left on it; nothing when there is none. */
function withoutOldKeys(stored: StoredRecord, wanted: NewRecord | undefined): NewRecord[] {
  if (wanted === undefined) return []
  const old = Object.keys(stored.metadata ?? {}).filter(key => !Object.hasOwn(wanted.metadata, key))
  if (old.length === 0) return []
  const nulls = Object.fromEntries(old.map(key => [key, null]))
  return [{ ...wanted, metadata: { ...wanted.metadata, ...nulls } }]
}
