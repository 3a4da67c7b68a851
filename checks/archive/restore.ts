import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Failure } from '../../infra/failure.ts'
import { formatRest } from '../../infra/units.ts'
import { findMove, moveUnderWay } from '../reshard/find-move.ts'
import type { WhatIsThere } from '../store/bulk-load.ts'
import { creatorKey, parseCreatorId } from '../store/creator-id.ts'
import { embedTexts } from '../store/embed-texts.ts'
import type { TextEmbedder } from '../store/embedder.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { Pace } from '../store/pace.ts'
import type { ReadyDocument } from '../store/records/document.ts'
import { type CallerMetadata, VECTORS } from '../store/records/metadata.ts'
import type { ArchivedRow } from './archived-row.ts'
import { emptied } from './emptied.ts'
import { MANIFEST, type Manifest, noArchive, parseManifest } from './manifest.ts'
import { rowsOf } from './parquet-file.ts'
import type { StoredArchive } from './storage.ts'
import { fetchFile, requireWhole } from './stored-file.ts'

/** Chunks that are put in together. */
const PUT = 4000

export interface RestoreOptions {
  /** What becomes of documents that are there. */
  there: WhatIsThere
  /** Of one creator alone. */
  creator?: string | undefined
  /** Embeds all texts anew, where the vectors are of another model. */
  embedAnew: boolean
  /** Creators who were forgotten as receipts have it, beside those on record: by creatorKey, until when, in Unix seconds. */
  forgotten: ReadonlyMap<string, number>
  /** Of age, for an archive that is encrypted. */
  identities: readonly string[]
  /** Records a second at most; undefined for as many as can be. */
  rate?: number | undefined
  /** Of this machine, for what is on its way. It is emptied, and gone afterwards. */
  folder: string
  signal: AbortSignal
  /** Told what is being done. */
  report(text: string): void
}

/** What a restore came to. */
export interface Restored {
  archive: string
  records: number
  documents: number
  creators: number
  /** Documents that were put in. The others were there, or are of creators who were forgotten. */
  written: number
  /** Creators who were forgotten since: what the archive has of them stays out. */
  forgotten: number
}

/**
 * Puts what is in an archive into a store, of whichever layout, while it is read and written. Nothing is written before
 * the whole archive was looked at. Killed, it goes on when it is called again: what it had put in is there.
 * @throws Failure `misused` for an archive that is damaged, half or foreign, or has vectors of another model
 */
export async function restore(
  knowledge: Knowledge,
  archive: StoredArchive,
  options: RestoreOptions,
): Promise<Restored> {
  const { creator, folder, signal, report } = options
  if (creator !== undefined) parseCreatorId(creator)
  const manifest = await inspect(archive)
  await requireNoMove(knowledge, signal)
  const { shards } = await knowledge.generations.newest(signal)
  const embedsAnew = !hasItsVectors(manifest, shards.settings)
  if (embedsAnew && !options.embedAnew) throw otherModel(archive, manifest, shards.settings)
  for (const [index, file] of manifest.files.entries()) {
    signal.throwIfAborted()
    report(`looking at file ${index + 1} of ${manifest.files.length}`)
    await requireWhole(archive, file)
  }
  await emptied(folder)
  try {
    return await putBack(knowledge, archive, manifest, { ...options, embedAnew: embedsAnew })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where creators are in two layouts, what comes back to them might be of the model of neither. */
async function requireNoMove(knowledge: Knowledge, signal: AbortSignal): Promise<void> {
  const { target } = await findMove(knowledge, signal)
  if (target !== undefined) throw moveUnderWay(target)
}

/** What an archive says of itself. @throws Failure `misused` where there is none, or half of one */
export async function inspect(archive: StoredArchive): Promise<Manifest> {
  const content = await archive.read(MANIFEST)
  if (content === undefined) throw noArchive(archive.name, `there is no ${MANIFEST} in it`)
  return parseManifest(await text(content), archive.name)
}

type Settings = Knowledge['shards']['settings']

const hasItsVectors = ({ layout }: Manifest, settings: Settings): boolean =>
  layout.embeddingModel === settings.embeddingModel &&
  layout.dimensions === settings.dimension &&
  layout.documentPrefix === settings.metadata.document_prefix

const otherModel = ({ name }: StoredArchive, { layout }: Manifest, settings: Settings): Failure =>
  new Failure(
    'misused',
    `${name} has vectors of ${layout.embeddingModel} (${layout.dimensions} numbers), and the stack makes those of ${settings.embeddingModel} (${settings.dimension})`,
    {
      mend: `embed all texts anew: --embed; or restore into a stack whose knowledge-stack:embeddingModel is ${layout.embeddingModel}`,
    },
  )

/** Whole documents of some creators, with the chunks that they have in all. */
class Load {
  readonly documents = new Map<string, ReadyDocument[]>()
  chunks = 0

  add(creator: string, document: ReadyDocument): void {
    const own = this.documents.get(creator) ?? []
    own.push(document)
    this.documents.set(creator, own)
    this.chunks += document.chunks.length
  }
}

async function putBack(
  knowledge: Knowledge,
  archive: StoredArchive,
  manifest: Manifest,
  options: RestoreOptions,
): Promise<Restored> {
  const { there, creator: only, embedAnew, signal, report } = options
  let forgotten = await forgottenSince(knowledge, manifest, options)
  const pace = new Pace(options.rate, signal)
  const { embedder } = await knowledge.generations.newest(signal)
  const restored = {
    archive: archive.name,
    records: 0,
    documents: 0,
    creators: 0,
    written: 0,
    forgotten: 0,
  }
  const total = only === undefined ? manifest.records : 0
  const started = performance.now()
  let last: string | undefined
  let underWay: Promise<unknown> = Promise.resolve()
  let load = new Load()
  const put = async () => {
    const { documents, chunks } = load
    load = new Load()
    // The API may have been asked to forget somebody meanwhile.
    forgotten = await forgottenSince(knowledge, manifest, options)
    for (const creator of documents.keys()) {
      if (forgotten.has(creatorKey(creator))) documents.delete(creator)
    }
    await pace.wait(chunks)
    if (embedAnew) await embed([...documents.values()].flat(), embedder, signal)
    // While these go in, the next are read.
    await underWay
    underWay = knowledge.putBack(documents, there, signal).then(written => {
      restored.written += written
      const rest = formatRest(restored.records, total, performance.now() - started)
      report(`${restored.records} of ${manifest.records} records put back${rest}`)
    })
    underWay.catch(() => undefined)
  }
  for await (const { creator, document } of documentsOf(archive, manifest, options)) {
    signal.throwIfAborted()
    if (only !== undefined && creator !== only) continue
    const isForgotten = forgotten.has(creatorKey(creator))
    if (creator !== last) restored[isForgotten ? 'forgotten' : 'creators'] += 1
    last = creator
    if (isForgotten) continue
    restored.documents += 1
    restored.records += document.chunks.length
    load.add(creator, document)
    if (load.chunks >= PUT) await put()
  }
  if (load.chunks > 0) await put()
  await underWay
  return restored
}

/** By creatorKey, those of whom nothing comes back that is as old as the archive. */
async function forgottenSince(
  knowledge: Knowledge,
  { created }: Manifest,
  { forgotten, signal }: RestoreOptions,
): Promise<Set<string>> {
  const all = [...forgotten, ...(await knowledge.forgotten.voidUntil(signal))]
  const second = Math.floor(Date.parse(created) / 1000)
  return new Set(all.flatMap(([key, until]) => (second <= until ? [key] : [])))
}

/** Gives documents vectors of another model. */
async function embed(
  documents: readonly ReadyDocument[],
  embedder: TextEmbedder,
  signal: AbortSignal,
): Promise<void> {
  const texts = documents.flatMap(({ chunks }) => chunks.map(({ text }) => text))
  const vectors = (await embedTexts(embedder, texts, signal)).values()
  for (const document of documents) {
    document.chunks = document.chunks.map(({ text }) => ({ text, vector: vectors.next().value! }))
    document.vectors = VECTORS.embedded
  }
}

/** The documents of an archive, one after another. */
async function* documentsOf(
  archive: StoredArchive,
  manifest: Manifest,
  { folder, identities }: RestoreOptions,
): AsyncGenerator<{ creator: string; document: ReadyDocument }> {
  const path = join(folder, 'records.parquet')
  for (const file of manifest.files) {
    await fetchFile(archive, file, path, { encrypted: manifest.encrypted, identities })
    let rows: ArchivedRow[] = []
    for await (const more of rowsOf(path, manifest.id)) {
      for (const row of more) {
        const first = rows[0]
        if (first !== undefined && !isOfSame(first, row)) {
          yield documentIn(rows)
          rows = []
        }
        rows.push(row)
      }
    }
    if (rows.length > 0) yield documentIn(rows)
  }
}

const isOfSame = (a: ArchivedRow, b: ArchivedRow): boolean =>
  a.creator_id === b.creator_id && a.document_id === b.document_id

function documentIn(rows: readonly ArchivedRow[]): { creator: string; document: ReadyDocument } {
  const [{ creator_id, document_id, metadata, created_at, updated_at, vectors }] = rows as [
    ArchivedRow,
  ]
  return {
    creator: creator_id,
    document: {
      id: document_id,
      vectors: vectors ?? undefined,
      metadata: metadata as CallerMetadata,
      createdAt: created_at.getTime(),
      updatedAt: (updated_at ?? created_at).getTime(),
      chunks: rows.map(({ text, embedding }) => ({ text, vector: embedding })),
    },
  }
}
