import type { Where } from 'chromadb'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { CurrentVersions, documentKeyOf } from '../records/current-versions.ts'
import { chunkOf } from '../records/record-id.ts'
import { retryRead } from './retry-read.ts'

/** Ids of a creator that are listed to find some documents among them: some 350 kB and 40 ms, as long as they are usual. */
const LISTED = 5000

/** Which records of some creators. */
export interface CreatorQuery {
  /** Lets all records of these creators through, and of nobody else. */
  creatorFilter: Where
  /** Lets those through that are selected. */
  where: Where
  /** Tells by its id whether a record of theirs is selected. Absent when its metadata says it. */
  byId?: (id: string) => boolean
  /** The selected are the first chunks of documents. */
  isFirst?: boolean
}

export interface SelectedIds {
  /** Of the versions that count: documents in the order in which they came, their chunks by position. */
  current: string[]
  /** All of these documents, of whichever version. */
  all: string[]
}

/**
 * The ids of what is selected, as they were at one moment. Before Chroma looks for a creator's records it collects, of
 * all collections of the server, those that match the other conditions (measured, 1.5.9: 120 ms for a document id that
 * 100,000 creators use); which records a creator has it finds in some 5 ms. So what ids can tell is told by them,
 * unless the creators have too many.
 */
export async function selectIds(
  records: ChromaCollection,
  selected: CreatorQuery,
  signal?: AbortSignal,
): Promise<SelectedIds> {
  const { creatorFilter, where, byId, isFirst } = selected
  if (byId === undefined) return retryRead(() => matching(records, selected, signal), signal)
  const listed = await idsOf(records, creatorFilter, signal, LISTED + 1)
  if (listed.length <= LISTED) return among(listed, byId, CurrentVersions.among(listed))
  const all = await idsOf(records, where, signal)
  return among(all, byId, isFirst ? CurrentVersions.ofFirst(all) : CurrentVersions.among(all))
}

/** By their metadata, which all chunks of a version share. Undefined when one of the documents changed meanwhile. */
async function matching(
  records: ChromaCollection,
  { creatorFilter, where }: CreatorQuery,
  signal: AbortSignal | undefined,
): Promise<SelectedIds | undefined> {
  const before = CurrentVersions.among(await idsOf(records, creatorFilter, signal))
  const found = new Set(await idsOf(records, where, signal))
  const all = await idsOf(records, creatorFilter, signal)
  const current = CurrentVersions.among(all)
  if ([...found].some(id => current.differs(id, before))) return undefined
  return among(all, id => found.has(id), current)
}

function among(
  listed: readonly string[],
  isSelected: (id: string) => boolean,
  versions: CurrentVersions,
): SelectedIds {
  const current: string[] = []
  const all: string[] = []
  for (const ids of Map.groupBy(listed, id => documentKeyOf(id) ?? id).values()) {
    const counting = ids.filter(id => versions.has(id))
    const selected = counting.filter(isSelected)
    // Of a document that a killed writer left in part, nothing counts.
    if (selected.length === 0 && (counting.length > 0 || !ids.some(isSelected))) continue
    current.push(...selected.sort((a, b) => chunk(a) - chunk(b)))
    all.push(...ids)
  }
  return { current, all }
}

const chunk = (id: string): number => chunkOf(id)?.chunk ?? 0

async function idsOf(
  records: ChromaCollection,
  where: Where,
  signal: AbortSignal | undefined,
  limit?: number,
): Promise<string[]> {
  const options = { include: [], ...(limit !== undefined && { limit }) }
  return (await records.get(where, options, signal)).map(({ id }) => id)
}
