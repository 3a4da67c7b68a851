import type { Where } from 'chromadb'
import { BATCH, partsWithin } from '../../chroma/batches.ts'
import type { NewRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import type { CreatorId } from '../creator-id.ts'
import { documentKey, documentKeyOf, idsOf } from '../records/current-versions.ts'
import type { ReadyDocument } from '../records/document.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf, recordId } from '../records/record-id.ts'
import { type CreatorQuery, selectIds } from './select-ids.ts'

/** Documents to be written to one shard, and what their writing needs. */
export interface DocumentWrite {
  documents: readonly { creator: CreatorId; document: ReadyDocument }[]
  /** The creators, and of them these documents. */
  selected: CreatorQuery
  /** The records of a document's version. */
  makeRecords: (creator: CreatorId, document: ReadyDocument, sequence: number) => NewRecord[]
  /** Announces a write of the creators to all processes, and its end; see WriteVersions. */
  during: <T>(write: (announced: Promise<void>) => Promise<T>) => Promise<T>
}

/**
 * Writes documents in place of what they are now. Chroma has no transactions, so nothing is changed: new records come
 * in, and with the first chunk, which comes last, they count. What counted before is deleted once everybody can know
 * that it does not. A writer that is killed leaves records that count nowhere, and go with the next write of the
 * document.
 * @returns keys of those that were there before (documentKey)
 */
export async function replaceDocuments(
  records: ChromaCollection,
  write: DocumentWrite,
): Promise<ReadonlySet<string | undefined>> {
  const { selected, during } = write
  const before = await during(async announced => {
    const [ids] = await Promise.all([selectIds(records, selected), announced])
    const documents = await withFirstTimes(records, write, ids.current)
    await putIn(records, selected.creatorFilter, recordsAfter(ids.all, { ...write, documents }))
    return ids
  })
  // What stays counts nowhere, so that it stays is no failure of the write.
  await deleteRecords(records, selected.creatorFilter, before.all).catch(() => undefined)
  return new Set(before.current.map(documentKeyOf))
}

/**
 * The documents with the times at which they first came, where they are there already.
 * @param there ids of the records of theirs that count
 */
async function withFirstTimes(
  records: ChromaCollection,
  { documents, selected }: DocumentWrite,
  there: readonly string[],
): Promise<DocumentWrite['documents']> {
  const heads = there.filter(id => chunkOf(id)?.chunk === 0)
  const areKnown = documents.every(({ document }) => document.createdAt !== undefined)
  if (heads.length === 0 || areKnown) return documents
  const options = { ids: heads, include: ['metadatas' as const] }
  const found = await records.get(selected.creatorFilter, options)
  const times = new Map(
    found.map(({ id, metadata }) => [documentKeyOf(id), metadata?.[RECORD_KEYS.createdAt]]),
  )
  return documents.map(({ creator, document }) => {
    const createdAt = times.get(documentKey({ creator, document: document.id }))
    if (typeof createdAt !== 'number') return { creator, document }
    return { creator, document: { createdAt, ...document } }
  })
}

/**
 * Documents of up to BATCH chunks go in as a whole, several in a request. Of a longer one the first request may be undone
 * before the last is in, by who deletes the document meanwhile: then it is taken out.
 */
export async function putIn(
  records: ChromaCollection,
  creatorFilter: Where,
  documents: readonly NewRecord[][],
): Promise<void> {
  for (const request of partsWithin(documents, ({ length }) => length, BATCH)) {
    await records.add(request.flat())
  }
  const long = documents.filter(({ length }) => length > BATCH)
  if (long.length === 0) return
  const ids = long.flat().map(({ id }) => id)
  const found = await records.get(creatorFilter, { ids, include: [] })
  const there = new Set(found.map(({ id }) => id))
  const torn = long.filter(own => !own.every(({ id }) => there.has(id)))
  await deleteRecords(
    records,
    creatorFilter,
    torn.flat().map(({ id }) => id),
  )
}

/**
 * The records of a version of each document that is later than all there are.
 * @param there ids of all records of the documents, whatever became of them
 */
export function recordsAfter(
  there: readonly string[],
  { documents, makeRecords }: Pick<DocumentWrite, 'documents' | 'makeRecords'>,
): NewRecord[][] {
  const known = Map.groupBy(there, documentKeyOf)
  return documents.map(({ creator, document }) => {
    const ids = known.get(documentKey({ creator, document: document.id })) ?? []
    const last = ids.reduce((most, id) => Math.max(most, chunkOf(id)?.version?.sequence ?? 0), 0)
    return makeRecords(creator, document, last + 1)
  })
}

/**
 * Deletes what is selected, and all other versions of the same documents, so that none of those counts instead.
 * @param requireOwn throws when one of the ids is somebody else's
 * @returns chunks that counted
 */
export async function deleteDocuments(
  records: ChromaCollection,
  { selected, during }: Pick<DocumentWrite, 'selected' | 'during'>,
  requireOwn: (ids: readonly string[]) => Promise<unknown>,
): Promise<number> {
  return during(async announced => {
    const [{ current, all }] = await Promise.all([selectIds(records, selected), announced])
    await requireOwn(all)
    await deleteRecords(records, selected.creatorFilter, all)
    return current.length
  })
}

/**
 * Deletes whole versions, also what of them was not there when they were listed: whoever writes one may end before this
 * does. The first chunks go first, those of earlier versions before those of later ones: no document is there in part.
 * @param ids some of each version
 */
export async function deleteRecords(
  records: ChromaCollection,
  creatorFilter: Where,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const order = (id: string) => {
    const { version, chunk = 0 } = chunkOf(id) ?? {}
    return chunk === 0 ? (version?.sequence ?? 0) : Number.POSITIVE_INFINITY
  }
  const missing = missingOf(ids)
  const ordered = [...ids, ...missing].sort(
    (a, b) => Math.sign(order(a) - order(b)) || (a < b ? -1 : 1),
  )
  await records.delete(creatorFilter, ordered)
  // Those that came between two requests, whose writer has seen the version as a whole. Later it sees that it is not.
  const first = missing.filter(id => chunkOf(id)?.chunk === 0)
  if (first.length > 0) await records.delete(creatorFilter, first)
}

/** The other records of the versions that these are of. */
function missingOf(ids: readonly string[]): string[] {
  const versions = new Map<string, string[]>()
  for (const id of ids) {
    const name = chunkOf(id)
    if (name?.version === undefined) continue
    const { document, version } = name
    const creator = name.creator as CreatorId
    const first = recordId(creator, document, version, 0)
    if (!versions.has(first)) versions.set(first, idsOf(creator, document, version))
  }
  const there = new Set(ids)
  return [...versions.values()].flat().filter(id => !there.has(id))
}
