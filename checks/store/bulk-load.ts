import type { Where } from 'chromadb'
import type { ChromaCollection } from '../chroma/collection.ts'
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
import { addDocuments, DocumentExists } from './scope/add-documents.ts'
import { type CreatorQuery, selectIds } from './scope/select-ids.ts'
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

/** Documents of many creators, by creator. */
type Documents<Document> = ReadonlyMap<CreatorId, readonly Document[]>

/**
 * - `replace`: what is there is replaced
 * - `keep`: what is there stays as it is
 */
export type WhatIsThere = 'replace' | 'keep'

/**
 * Puts documents of many creators in, in place of those of the same ids: creators of a shard share requests, and
 * the shards are written at the same time. After a failure each document is there as a whole or not at all. It is the operator's
 * way: what a creator may have is not asked, and counts with the creator's next own write.
 */
export async function upsertAll(
  store: Store,
  documents: Documents<NewDocument>,
  signal?: AbortSignal,
): Promise<void> {
  for (const own of documents.values()) checkDocuments(own)
  await inGenerations(store, documents, async (generation, own) => {
    const { embedder } = generation
    const all = cut(embedder, [...own.values()].flat())
    const made = (await makeReady(embedder, all, LOAD, signal)).values()
    const ready = [...own].map(
      ([creator, its]) => [creator, its.map(() => made.next().value!)] as const,
    )
    return (await writeAll(store, generation, new Map(ready), 'replace', signal)).moved
  })
}

/**
 * The same with documents whose vectors are known, and when they were written.
 * @returns documents that were put in
 */
export async function putAll(
  store: Store,
  documents: Documents<ReadyDocument>,
  there: WhatIsThere,
  signal?: AbortSignal,
): Promise<number> {
  let written = 0
  await inGenerations(store, documents, async (generation, own) => {
    const done = await writeAll(store, generation, own, there, signal)
    written += done.written
    return done.moved
  })
  return written
}

/** @param write tells which creators are in another generation by now, whose documents are to be put in again there */
async function inGenerations<Document>(
  store: Store,
  documents: Documents<Document>,
  write: (generation: Generation, own: Documents<Document>) => Promise<CreatorId[]>,
): Promise<void> {
  const wanted = [...documents].filter(([, own]) => own.length > 0)
  const places = Map.groupBy(wanted, ([creator]) => store.generations.where(creator))
  const moved: CreatorId[] = []
  const work = [...places].map(async ([generation, own]) => {
    moved.push(...(await write(generation, new Map(own))))
  })
  await allEnded(work)
  // Nobody moves as often as this would find them elsewhere.
  if (moved.length === 0) return
  const left = moved.map(creator => [creator, documents.get(creator)!] as const)
  await inGenerations(store, new Map(left), write)
}

async function writeAll(
  store: Store,
  generation: Generation,
  documents: Documents<ReadyDocument>,
  there: WhatIsThere,
  signal: AbortSignal | undefined,
): Promise<{ written: number; moved: CreatorId[] }> {
  const shards = Map.groupBy(documents, ([creator]) => generation.shards.of(creator))
  // What is written counts as written when all of it is in, so write versions change twice in all.
  const moved = new Set<CreatorId>()
  let written = 0
  await generation.versions.during([...documents.keys()], async announced => {
    await announced
    await allEnded(
      [...shards.values()].map(async own => {
        const loads = own.map(([creator, documents]) => ({ creator, documents: [...documents] }))
        for (const batch of batches(loads)) {
          try {
            const put = await write(store, generation, batch, there, signal)
            written += put
          } catch (error) {
            if (!(error instanceof CreatorsMoved)) throw error
            for (const { creator } of batch) moved.add(creator)
          }
        }
      }),
    )
  })
  return { written, moved: [...moved] }
}

/** Also when one has failed the others are waited for. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}

/** @returns documents that were put in */
async function write(
  { writes, now }: Store,
  { shards }: Generation,
  loads: readonly Load[],
  there: WhatIsThere,
  signal: AbortSignal | undefined,
): Promise<number> {
  const creators = loads.map(({ creator }) => creator)
  const documents = loads.flatMap(({ creator, documents }) =>
    documents.map(document => ({ creator, document })),
  )
  const at = now()
  const documentWrite = (documents: DocumentWrite['documents']): DocumentWrite => ({
    documents,
    selected: selectionOf(creators, documents),
    makeRecords: (creator, document, sequence) =>
      documentRecords(creator, document, { sequence, tag: drawTag() }, at, {}),
    // All creators of the load are announced together.
    during: work => work(Promise.resolve()),
  })
  const replace: Change<number> = async records => {
    await replaceDocuments(records, documentWrite(documents))
    return documents.length
  }
  const put = new Set<string>()
  const add: Change<number> = records => addMissing(records, documents, documentWrite, put)
  const work = () => shards.write(creators, there === 'replace' ? replace : add, signal)
  return writes.runExclusiveForAll(creators, work, signal)
}

function selectionOf(
  creators: readonly CreatorId[],
  documents: DocumentWrite['documents'],
): CreatorQuery {
  const creatorFilter: Where = { [RECORD_KEYS.creator]: { $in: [...creators] } }
  const ids = [...new Set(documents.map(({ document }) => document.id))]
  const keys = new Set(
    documents.map(({ creator, document }) => documentKey({ creator, document: document.id })),
  )
  return {
    creatorFilter,
    where: { $and: [creatorFilter, { [RECORD_KEYS.document]: { $in: ids } }] },
    byId: id => keys.has(documentKeyOf(id) ?? ''),
  }
}

/**
 * Adds those of the documents that are not there. Who finds one of them there looks which are, and adds the others.
 * @param put as addDocuments takes it
 * @returns documents that were added
 */
async function addMissing(
  records: ChromaCollection,
  documents: DocumentWrite['documents'],
  writeOf: (documents: DocumentWrite['documents']) => DocumentWrite,
  put: Set<string>,
): Promise<number> {
  for (let missing = documents; ; ) {
    if (missing.length === 0) return 0
    const write = writeOf(missing)
    try {
      await addDocuments(records, write, put)
      return missing.length
    } catch (error) {
      if (!(error instanceof DocumentExists)) throw error
    }
    const { current } = await selectIds(records, write.selected)
    const found = new Set(current.filter(id => !put.has(id)).map(documentKeyOf))
    missing = missing.filter(
      ({ creator, document }) => !found.has(documentKey({ creator, document: document.id })),
    )
  }
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
