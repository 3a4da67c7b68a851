import type { Where } from 'chromadb'
import type { Include, StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'

/** The records of these ids, in their order. Undefined when one is gone. */
export async function fetchByIds(
  records: ChromaCollection,
  creatorFilter: Where,
  ids: readonly string[],
  include: Include[],
  signal?: AbortSignal,
): Promise<StoredRecord[] | undefined> {
  if (ids.length === 0) return []
  const found = await records.get(creatorFilter, { ids: [...ids], include }, signal)
  const byId = new Map(found.map(record => [record.id, record]))
  const ordered = ids.flatMap(id => byId.get(id) ?? [])
  return ordered.length === ids.length ? ordered : undefined
}
