import type { ChromaCollection } from '../chroma/collection.ts'
import type { NewRecord, StoredRecord } from '../chroma/records.ts'
import { RECORD_KEYS } from './metadata.ts'
import { chunkOf } from './record-id.ts'
import { fetchSelected, type Selected } from './selected.ts'

/**
 * Writes the chunks of some documents and takes away what older versions of them left: higher chunks, and
 * metadata keys that are gone (Chroma merges the metadata of an upsert into the old). The new chunks are in
 * before anything old is removed, and what is removed is found by looking, so that a repeat mends whatever a
 * failure left half done. What another writer wrote later is left alone.
 * @param own all records of the creators
 * @param where the creators and these documents; a document of the same id of another of these creators is left alone
 */
export async function replace(
  records: ChromaCollection,
  { own, where }: Pick<Selected, 'own' | 'where'>,
  fresh: readonly NewRecord[],
  createdAt: number,
  signal?: AbortSignal,
): Promise<void> {
  await records.upsert(fresh, signal)
  const wanted = new Map(fresh.map(record => [record.id, record]))
  const documents = new Set(fresh.map(({ id }) => documentOf(id)))
  const byId = (id: string) => documents.has(documentOf(id))
  const described = async (ids: string[]) => {
    const found = await records.get(own, { ids, include: ['metadatas'] }, signal)
    return found.filter(({ metadata }) => Number(metadata?.[RECORD_KEYS.createdAt]) <= createdAt)
  }
  const [written, present] = await Promise.all([
    described([...wanted.keys()]),
    fetchSelected(records, { own, where, byId }, { include: [] }, signal),
  ])
  const others = present.map(({ id }) => id).filter(id => byId(id) && !wanted.has(id))

  const merged = written.flatMap(record => withoutOldKeys(record, wanted.get(record.id)!))
  if (merged.length > 0) await records.upsert(merged, signal)
  const stale = (await described(others)).map(({ id }) => id)
  if (stale.length > 0) await records.delete(own, stale, signal)
}

/** A document of a creator, as a key. */
function documentOf(id: string): string {
  const { creator, document } = chunkOf(id) ?? {}
  return JSON.stringify([creator, document])
}

/** The record with a null for each key that an older version left on it; nothing when there is none. */
function withoutOldKeys(stored: StoredRecord, wanted: NewRecord): NewRecord[] {
  const old = Object.keys(stored.metadata ?? {}).filter(key => !Object.hasOwn(wanted.metadata, key))
  if (old.length === 0) return []
  const nulls = Object.fromEntries(old.map(key => [key, null]))
  return [{ ...wanted, metadata: { ...wanted.metadata, ...nulls } }]
}
