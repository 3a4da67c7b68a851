import type { Where } from 'chromadb'
import type { Store } from './creator.ts'
import type { CreatorId } from './creator-id.ts'
import { cut, makeReady } from './embedded-documents.ts'
import type { Generation } from './generations.ts'
import { documentKey, documentKeyOf } from './records/current-versions.ts'
import {
  checkDocuments,
  documentRecords,
  type NewDocument,
  type ReadyDocument,
} from './records/document.ts'
import { RECORD_KEYS } from './records/metadata.ts'
import { drawTag } from './records/record-id.ts'
import { type DocumentWrite, replaceDocuments } from './scope/write-documents.ts'
import type { Change } from './shards/shard-collections.ts'
import { CreatorsMoved } from './shards/shard-move.ts'

/** Chunks that go into a shard before what they take the place of is looked for, but for a document that has more. */
const CHUNKS = 1000

/** Whoever loads for many takes turns with creators as one of them. */
const LOAD = 'bulk load'

/** Documents of one creator, ready to be written. */
interface Load {
  creator: CreatorId
  documents: ReadyDocument[]
}

/**
 * Puts documents of many creators in, in place of those of the same ids: creators of a shard share requests, and
 * the shards are written at the same time. After a failure each document is there as a whole or not at all. It is the operator's
 * way: what a creator may have is not asked, and counts with the creator's next own write.
 */
export async function upsertAll(
  store: Store,
  documents: ReadonlyMap<CreatorId, readonly NewDocument[]>,
  signal?: AbortSignal,
): Promise<void> {
  for (const own of documents.values()) checkDocuments(own)
  const written = [...documents].filter(([, own]) => own.length > 0)
  const places = Map.groupBy(written, ([creator]) => store.generations.where(creator))
  const moved: CreatorId[] = []
  const work = [...places].map(async ([generation, own]) => {
    moved.push(...(await upsertInto(store, generation, new Map(own), signal)))
  })
  await allEnded(work)
  // Nobody moves as often as this would find them elsewhere.
  if (moved.length === 0) return
  const left = moved.map(creator => [creator, documents.get(creator)!] as const)
  await upsertAll(store, new Map(left), signal)
}

/** @returns creators who are in another generation by now, and whose documents are to be put in again there */
async function upsertInto(
  store: Store,
  generation: Generation,
  documents: ReadonlyMap<CreatorId, readonly NewDocument[]>,
  signal: AbortSignal | undefined,
): Promise<CreatorId[]> {
  const { embedder } = generation
  const all = cut(embedder, [...documents.values()].flat())
  const ready = (await makeReady(embedder, all, LOAD, signal)).values()
  const shards = new Map<number, Load[]>()
  for (const [creator, own] of documents) {
    const load = { creator, documents: own.map(() => ready.next().value!) }
    const shard = generation.shards.of(creator)
    shards.set(shard, [...(shards.get(shard) ?? []), load])
  }
  // What is written counts as written when all of it is in, so write versions change twice in all.
  const creators = [...documents.keys()]
  const moved = new Set<CreatorId>()
  await generation.versions.during(creators, async announced => {
    await announced
    await allEnded(
      [...shards.values()].map(async loads => {
        for (const batch of batches(loads)) {
          await write(store, generation, batch, signal).catch(error => {
            if (!(error instanceof CreatorsMoved)) throw error
            for (const { creator } of batch) moved.add(creator)
          })
        }
      }),
    )
  })
  return [...moved]
}

/** Also when one has failed the others are waited for. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}

async function write(
  { writes, now }: Store,
  { shards }: Generation,
  loads: readonly Load[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const creators = loads.map(({ creator }) => creator)
  const creatorFilter: Where = { [RECORD_KEYS.creator]: { $in: creators } }
  const documents = loads.flatMap(({ creator, documents }) =>
    documents.map(document => ({ creator, document })),
  )
  const ids = documents.map(({ document }) => document.id)
  const keys = new Set(
    documents.map(({ creator, document }) => documentKey({ creator, document: document.id })),
  )
  const createdAt = now()
  const documentWrite: DocumentWrite = {
    documents,
    selected: {
      creatorFilter,
      where: { $and: [creatorFilter, { [RECORD_KEYS.document]: { $in: [...new Set(ids)] } }] },
      byId: id => keys.has(documentKeyOf(id) ?? ''),
    },
    makeRecords: (creator, document, sequence) =>
      documentRecords(creator, document, { sequence, tag: drawTag() }, createdAt, {}),
    // All creators of the load are announced together.
    during: work => work(Promise.resolve()),
  }
  const replace: Change<void> = records => replaceDocuments(records, documentWrite)
  const work = () => shards.write(creators, replace, signal)
  await writes.runExclusiveForAll(creators, work, signal)
}

/** Whole documents, as many as go in together. */
function* batches(loads: readonly Load[]): Generator<Load[]> {
  let batch: Load[] = []
  let size = 0
  for (const { creator, documents } of loads) {
    for (const document of documents) {
      if (size > 0 && size + document.chunks.length > CHUNKS) {
        yield batch
        batch = []
        size = 0
      }
      const last = batch.at(-1)
      if (last?.creator === creator) last.documents.push(document)
      else batch.push({ creator, documents: [document] })
      size += document.chunks.length
    }
  }
  if (batch.length > 0) yield batch
}
