import type { NewRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { isReserved } from '../store/creator-id.ts'
import type { TextEmbedder } from '../store/embedder.ts'
import { scoped } from '../store/filter/filter.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { CurrentVersions } from '../store/records/current-versions.ts'
import { callerPart, RECORD_KEYS, VECTORS, writtenAt } from '../store/records/metadata.ts'
import { chunkOf } from '../store/records/record-id.ts'
import { EVERYBODY, type NotFound } from './shard-damage.ts'

/** Texts that are embedded before their records are written. */
const BATCH = 100

/** Beside whom creators go on writing, who takes turns with them. */
const REPAIR = 'repair'

/** A document whose vectors are lost. */
export interface LostDocument {
  creator: string
  document: string
  /** Of its records, those whose vector is lost. */
  records: number
}

/** Lost vectors by what can be done about them. */
export interface LostVectors {
  /** Records whose vectors the model can make again, from their texts. */
  embedded: string[]
  /** Callers gave these: nobody can make them again. */
  given: LostDocument[]
  /** Of documents that a version before this one wrote, or somebody else: where their vectors were from nobody knows. */
  unknown: LostDocument[]
  unknownIds: string[]
}

/** @param lost ids of records whose vectors are lost */
export async function sortLost(
  records: ChromaCollection,
  lost: readonly string[],
  signal: AbortSignal,
): Promise<LostVectors> {
  const byFirst = Map.groupBy(lost.filter(isCallers), firstChunkOf)
  const options = { ids: [...byFirst.keys()], include: ['metadatas' as const] }
  const first = await records.get(EVERYBODY, options, signal)
  const origins = new Map(first.map(({ id, metadata }) => [id, metadata?.[RECORD_KEYS.vectors]]))
  const sorted: LostVectors = { embedded: [], given: [], unknown: [], unknownIds: [] }
  for (const [id, own] of byFirst) {
    const origin = origins.get(id)
    if (origin === VECTORS.embedded) sorted.embedded.push(...own)
    else {
      const { creator = '', document = '' } = chunkOf(own[0]!) ?? {}
      const entry = { creator, document, records: own.length }
      if (origin === VECTORS.given) sorted.given.push(entry)
      else {
        sorted.unknown.push(entry)
        sorted.unknownIds.push(...own)
      }
    }
  }
  return sorted
}

/** What a verification under way writes is none of it. */
function isCallers(id: string): boolean {
  const name = chunkOf(id)
  return name !== undefined && !isReserved(name.creator)
}

const firstChunkOf = (id: string): string => id.replace(/\d+$/, '0')

/**
 * Embeds the texts of records anew, and writes the very same records with these vectors.
 * @returns how many
 */
export async function embedAnew(
  records: ChromaCollection,
  embedder: TextEmbedder,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  let written = 0
  for (let start = 0; start < ids.length; start += BATCH) {
    const some = ids.slice(start, start + BATCH)
    const include = ['metadatas' as const, 'documents' as const]
    const found = await records.get(EVERYBODY, { ids: some, include }, signal)
    const withText = found.filter(({ text }) => text !== undefined)
    const vectors = await embedder.documents(
      withText.map(({ text }) => text!),
      REPAIR,
      signal,
    )
    const fresh = withText.map(({ id, text, metadata }, index) => ({
      id,
      text: text!,
      metadata: metadata as NewRecord['metadata'],
      vector: vectors[index]!,
    }))
    // Embedding took a while: what was deleted meanwhile does not come back.
    const left = await records.get(EVERYBODY, { ids: some, include: [] }, signal)
    const there = new Set(left.map(({ id }) => id))
    const kept = fresh.filter(({ id }) => there.has(id))
    await records.upsert(kept, signal)
    written += kept.length
  }
  return written
}

/**
 * Puts documents anew, as they are, whose chunks the index does not find: written in place they may stay unfound.
 * @returns chunks of theirs that were not found
 */
export async function rewriteUnfound(
  records: ChromaCollection,
  knowledge: Knowledge,
  notFound: readonly NotFound[],
  signal: AbortSignal,
): Promise<number> {
  let written = 0
  for (const { creator, ids } of notFound.filter(({ ids }) => ids.every(isCallers))) {
    const scope = knowledge.creator(creator)
    for (const [document, own] of Map.groupBy(ids, id => chunkOf(id)?.document)) {
      const where = scoped(scope.id, { [RECORD_KEYS.document]: { $eq: document ?? '' } })
      const include = ['metadatas' as const, 'documents' as const, 'embeddings' as const]
      const all = await records.get(where, { include }, signal)
      const versions = CurrentVersions.among(all.map(({ id }) => id))
      const chunks = all
        .filter(({ id }) => versions.has(id))
        .sort((a, b) => chunkOf(a.id)!.chunk - chunkOf(b.id)!.chunk)
      const first = chunks[0]?.metadata
      // It changed since.
      if (first === undefined || !own.some(id => versions.has(id))) continue
      await scope.rewrite({
        id: document!,
        vectors: first[RECORD_KEYS.vectors] as keyof typeof VECTORS | undefined,
        metadata: callerPart(first),
        createdAt: Number(first[RECORD_KEYS.createdAt]),
        updatedAt: writtenAt(first),
        chunks: chunks.map(({ text = '', vector = [] }) => ({ text, vector })),
      })
      written += own.length
    }
  }
  return written
}
