import type { Where } from 'chromadb'
import type { Include } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { CurrentVersions } from '../records/current-versions.ts'
import { RECORD_KEYS } from '../records/metadata.ts'

export const TEXTS: Include[] = ['metadatas', 'documents']
export const EVERYTHING: Include[] = [...TEXTS, 'embeddings']

export const whereCreators = (creators: readonly string[]): Where => ({
  [RECORD_KEYS.creator]: { $in: [...creators] },
})

/** Ids of the records of some creators that count. */
export async function currentIds(
  records: ChromaCollection,
  creators: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const found = await records.get(whereCreators(creators), { include: [] }, signal)
  const ids = found.map(({ id }) => id)
  const versions = CurrentVersions.among(ids)
  return ids.filter(id => versions.has(id))
}
