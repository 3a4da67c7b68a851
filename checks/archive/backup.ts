import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import { findMove } from '../reshard/find-move.ts'
import { parseCreatorId } from '../store/creator-id.ts'
import type { Generation } from '../store/generations.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { Pace } from '../store/pace.ts'
import { creatorsOf, partsOf, type ShardCreator } from '../store/shards/shard-creators.ts'
import { stageOf } from '../store/shards/shard-move.ts'
import { archivedRow } from './archived-row.ts'
import { emptied } from './emptied.ts'
import { type ArchiveFile, type Described, manifestText } from './manifest.ts'
import { ParquetFile } from './parquet-file.ts'
import { readCreators, readLargeCreator } from './read-creators.ts'
import type { ArchiveStorage, NewArchive } from './storage.ts'
import { requireRecipient, store } from './stored-file.ts'

/** Records that are read at once, and creators whose records they are; a single creator may have more. */
const READ = { creators: 250, records: 2000 }
/** Who has more is read a part at a time. */
const LARGE = 10_000
/** About so long is a file: what is on its way takes as much of this machine's disk. */
const FILE_BYTES = 256 * 1024 * 1024

export interface BackupOptions {
  stack: string
  /** What runs, by its name. */
  versions: Record<string, string>
  /** Of one creator alone. */
  creator?: string | undefined
  /** Who can read it, by age; everybody where there are none. */
  recipients: readonly string[]
  /** Records a second at most; undefined for as many as can be. */
  rate?: number | undefined
  /** Of this machine, for what is on its way. It is emptied, and gone afterwards. */
  folder: string
  now: Date
  signal: AbortSignal
  /** Told what is being done. */
  report(text: string): void
}

/** What a backup came to. */
export interface BackedUp extends Omit<Described, 'files'> {
  /** Where it is. */
  archive: string
  files: number
  bytes: number
}

/**
 * Writes what creators have into an archive, while they are read and written: each creator at one of its write versions,
 * not all at one moment.
 * @throws Failure `misused` for what is no creator id or no recipient
 */
export async function backup(
  knowledge: Knowledge,
  storage: ArchiveStorage,
  options: BackupOptions,
): Promise<BackedUp> {
  const { stack, creator, recipients, folder, now } = options
  if (creator !== undefined) parseCreatorId(creator)
  for (const recipient of recipients) requireRecipient(recipient)
  const id = randomUUID()
  const archive = await storage.create(nameOf(stack, now))
  await emptied(folder)
  try {
    const files = new ArchiveFiles(archive, { folder, id, recipients })
    const counts = await copyAll(knowledge, files, options)
    await files.close()
    const { settings } = (await knowledge.generations.newest(options.signal)).shards
    const described: Described = {
      id,
      created: now.toISOString(),
      stack,
      scope: creator === undefined ? 'all' : 'creator',
      layout: layoutOf(settings),
      versions: options.versions,
      encrypted: recipients.length > 0,
      ...counts,
      files: files.stored,
    }
    await archive.finish(manifestText(described))
    const bytes = files.stored.reduce((sum, file) => sum + file.bytes, 0)
    return { ...described, archive: archive.name, files: files.stored.length, bytes }
  } catch (error) {
    await archive.abandon().catch(() => undefined)
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** By stack and moment: `dev-20261128T092312Z`. */
const nameOf = (stack: string, now: Date): string =>
  `${stack}-${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`

function layoutOf({
  generation,
  shards,
  embeddingModel,
  dimension,
  metadata,
}: Generation['shards']['settings']): Described['layout'] {
  const digest = metadata.embedding_digest
  return {
    generation,
    shards,
    embeddingModel,
    ...(typeof digest === 'string' && { embeddingDigest: digest }),
    dimensions: dimension,
    documentPrefix: String(metadata.document_prefix),
    queryPrefix: String(metadata.query_prefix),
  }
}

type Counts = Pick<Described, 'creators' | 'documents' | 'records' | 'unsettled'>

async function copyAll(
  knowledge: Knowledge,
  files: ArchiveFiles,
  { creator, rate, signal, report }: BackupOptions,
): Promise<Counts> {
  const counts: Counts = { creators: 0, documents: 0, records: 0, unsettled: 0 }
  const pace = new Pace(rate, signal)
  for await (const { generation, shard, creators } of placesOf(knowledge, signal)) {
    const wanted = creators.filter(each => creator === undefined || each.creator === creator)
    for (const part of partsOf(wanted, READ.records, READ.creators)) {
      for await (const { records, isFirst } of recordsOf(generation, shard, part, counts, signal)) {
        const rows = records.map(archivedRow)
        if (isFirst) counts.creators += 1
        counts.records += rows.length
        counts.documents += new Set(rows.map(row => row.document_id)).size
        await files.write(rows)
        await pace.wait(rows.length)
        report(`${counts.records} records of ${counts.creators} creators read`)
      }
    }
  }
  return counts
}

/** Whole documents of some creators, one creator after another; of one who has many in several parts. */
async function* recordsOf(
  generation: Generation,
  shard: number,
  part: readonly ShardCreator[],
  counts: Counts,
  signal: AbortSignal,
): AsyncGenerator<{ records: StoredRecord[]; isFirst: boolean }> {
  const [{ creator, records: count }] = part as [ShardCreator]
  if (count <= LARGE) {
    const { creators, unsettled } = await readCreators(generation, shard, part, signal)
    counts.unsettled += unsettled
    for (const records of creators.values())
      if (records.length > 0) yield { records, isFirst: true }
    return
  }
  const documents = readLargeCreator(generation, shard, creator, signal)
  let isFirst = true
  for (;;) {
    const next = await documents.next()
    if (next.done) {
      counts.unsettled += next.value ? 1 : 0
      return
    }
    yield { records: next.value, isFirst }
    isFirst = false
  }
}

/** The creators of all shards, each where it is: a move that was killed may have left some behind. */
async function* placesOf(
  knowledge: Knowledge,
  signal: AbortSignal,
): AsyncGenerator<{ generation: Generation; shard: number; creators: ShardCreator[] }> {
  const { from, target } = await findMove(knowledge, signal)
  const moves = await from.shards.layouts.readAll(from.shards.settings.shards, signal)
  const hasMoved = ({ creator }: ShardCreator) =>
    stageOf(moves[from.shards.of(creator)]?.move, creator) === 'moved'
  const places = [
    { generation: from, isHere: (creator: ShardCreator) => !hasMoved(creator) },
    ...(target === undefined
      ? []
      : [{ generation: knowledge.generations.open(target), isHere: hasMoved }]),
  ]
  for (const { generation, isHere } of places) {
    for (const shard of (await generation.shards.existing(signal)).keys()) {
      const { creators } = await creatorsOf(generation.shards, shard, signal)
      yield { generation, shard, creators: creators.filter(isHere) }
    }
  }
}

/** The files of an archive that is being made: each is written here, and put into the archive when it is long enough. */
class ArchiveFiles {
  readonly stored: ArchiveFile[] = []
  readonly #archive: NewArchive
  readonly #options: { folder: string; id: string; recipients: readonly string[] }
  #open: ParquetFile | undefined

  constructor(
    archive: NewArchive,
    options: { folder: string; id: string; recipients: readonly string[] },
  ) {
    this.#archive = archive
    this.#options = options
  }

  async write(rows: readonly ReturnType<typeof archivedRow>[]): Promise<void> {
    const { folder, id } = this.#options
    this.#open ??= new ParquetFile(join(folder, 'records.parquet'), id)
    await this.#open.write(rows)
    if (this.#open.bytes >= FILE_BYTES) await this.close()
  }

  async close(): Promise<void> {
    const file = this.#open
    if (file === undefined) return
    this.#open = undefined
    await file.close()
    const { recipients } = this.#options
    const number = `${this.stored.length}`.padStart(5, '0')
    const name = `records-${number}.parquet${recipients.length > 0 ? '.age' : ''}`
    const put = await store(this.#archive, name, file.path, recipients)
    this.stored.push({ name, ...put, records: file.rows })
  }
}
