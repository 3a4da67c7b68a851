import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Failure } from '../../infra/failure.ts'
import { formatRest } from '../../infra/units.ts'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import { type FoundMove, findMove, moveUnderWay } from '../reshard/find-move.ts'
import { type CreatorId, parseCreatorId } from '../store/creator-id.ts'
import type { Generation } from '../store/generations.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { Pace } from '../store/pace.ts'
import { countRecords } from '../store/shards/count-records.ts'
import { creatorsOf, partsOf, type ShardCreator } from '../store/shards/shard-creators.ts'
import { stageOf } from '../store/shards/shard-move.ts'
import { WritesFrozen } from '../store/shards/write-freeze.ts'
import { type ArchivedRow, archivedRow } from './archived-row.ts'
import { emptied } from './emptied.ts'
import { type ArchiveFile, type Described, manifestText, recordsFile } from './manifest.ts'
import { ParquetThread } from './parquet-thread.ts'
import { readCreators, readLargeCreator } from './read-creators.ts'
import { aboutArchive, README } from './readme.ts'
import type { ArchiveStorage, NewArchive } from './storage.ts'
import { requireRecipient, store } from './stored-file.ts'

/** Records that are read at once, and creators whose records they are; a single creator may have more. */
const READ = { creators: 300, records: 1500 }
/** Parts that are read at the same time, beside the one that is written. */
const AT_ONCE = 3
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
  /** Told which archive it is and where it will be, once it is begun. */
  begun?(archive: { id: string; archive: string }): Promise<void>
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
 * @throws Failure `misused` for what is no creator id or no recipient; `unavailable` when creators were moved meanwhile,
 *   and while nothing is written because the stack is upgraded
 */
export async function backup(
  knowledge: Knowledge,
  storage: ArchiveStorage,
  options: BackupOptions,
): Promise<BackedUp> {
  const { stack, creator, recipients, folder, now } = options
  const only = creator === undefined ? undefined : parseCreatorId(creator)
  for (const recipient of recipients) requireRecipient(recipient)
  const moves = await movesOf(knowledge, options.signal)
  const id = randomUUID()
  const archive = await storage.create(nameOf(stack, now))
  await options.begun?.({ id, archive: archive.name })
  await emptied(folder)
  const files = new ArchiveFiles(archive, { folder, id, recipients })
  try {
    // First, so that a place that takes nothing is found out before all is read.
    await archive.put(README, Readable.from([aboutArchive(recipients.length > 0)]))
    const counts = await copyAll(knowledge, files, only, options)
    if (only !== undefined && counts.records === 0) throw nobody(only, stack)
    if ((await movesOf(knowledge, options.signal)) !== moves) throw movedMeanwhile()
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
    await files.end()
    await rm(folder, { recursive: true, force: true })
  }
}

const nobody = (creator: string, stack: string): Failure =>
  new Failure('misused', `The creator ${JSON.stringify(creator)} has nothing in stack ${stack}`, {
    mend: 'give the id as it was when documents were put in: ids are case-sensitive',
  })

/**
 * How far creators have moved, as a text: another one when some have since.
 * @throws WritesFrozen while that lasts: what is recorded meanwhile may be lost, and with it where the archive is
 */
async function movesOf(knowledge: Knowledge, signal: AbortSignal): Promise<string> {
  const { shards } = (await findMove(knowledge, signal)).from
  const records = await shards.layouts.readAll(shards.settings.shards, signal)
  for (const { freeze } of records) {
    if (freeze?.freeze.state === 'frozen') throw new WritesFrozen(freeze.freeze)
  }
  return JSON.stringify([shards.settings.generation, records.map(({ move }) => move)])
}

const movedMeanwhile = (): Failure =>
  new Failure('unavailable', 'Creators were moved while they were read', {
    mend: 'take the backup again once they are where they are to be',
  })

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
  only: CreatorId | undefined,
  { rate, signal, report }: BackupOptions,
): Promise<Counts> {
  const counts: Counts = { creators: 0, documents: 0, records: 0, unsettled: 0 }
  const pace = new Pace(rate, signal)
  const found = await findMove(knowledge, signal)
  // What one creator has is not known from before.
  const total = only === undefined ? await countRecords(found.from.shards, signal) : 0
  const started = performance.now()
  const parts = startedAhead(partsIn(knowledge, found, only, signal), AT_ONCE, part => part())
  for await (const { creators, isRest, unsettled = 0 } of flat(parts)) {
    counts.unsettled += unsettled
    const rows = creators.map(records => records.map(archivedRow))
    if (!isRest) counts.creators += rows.length
    for (const own of rows) counts.documents += new Set(own.map(row => row.document_id)).size
    const all = rows.flat()
    counts.records += all.length
    if (all.length > 0) await files.write(all)
    await pace.wait(all.length)
    const rest = formatRest(counts.records, total, performance.now() - started)
    report(`${counts.records} records of ${counts.creators} creators read${rest}`)
  }
  return counts
}

/** What comes of each item, in their order; the work on so many is under way at once. */
async function* startedAhead<Item, Result>(
  items: AsyncIterable<Item>,
  most: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = []
  for await (const item of items) {
    if (underWay.length === most) yield underWay.shift()!
    const result = work(item)
    // Heard when it is awaited.
    result.catch(() => undefined)
    underWay.push(result)
  }
  yield* underWay
}

async function* flat<Item>(
  lists: AsyncIterable<Iterable<Item> | AsyncIterable<Item>>,
): AsyncGenerator<Item> {
  for await (const list of lists) yield* list
}

/** Whole documents of some creators, or some of one who has many. */
interface Part {
  creators: StoredRecord[][]
  /** Of the creator of the part before. */
  isRest?: boolean
  /** Creators who were written whenever they were read. */
  unsettled?: number
}

/** Reads some creators, or one who has many when it is asked for. */
type ReadPart = () => Promise<Iterable<Part> | AsyncIterable<Part>>

async function* partsIn(
  knowledge: Knowledge,
  found: FoundMove,
  only: CreatorId | undefined,
  signal: AbortSignal,
): AsyncGenerator<ReadPart> {
  for await (const { generation, shard, creators } of placesOf(knowledge, found, only, signal)) {
    for (const part of partsOf(creators, READ.records, READ.creators)) {
      const [{ creator, records }] = part as [ShardCreator]
      yield async () => {
        if (records > LARGE) {
          return largeParts(readLargeCreator(generation, shard, creator, signal))
        }
        const { creators, unsettled } = await readCreators(generation, shard, part, signal)
        return [{ creators: [...creators.values()].filter(({ length }) => length > 0), unsettled }]
      }
    }
  }
}

async function* largeParts(documents: ReturnType<typeof readLargeCreator>): AsyncGenerator<Part> {
  for (let isRest = false; ; isRest = true) {
    const { done, value } = await documents.next()
    if (!done) yield { creators: [value], isRest }
    else {
      yield { creators: [], unsettled: value ? 1 : 0 }
      return
    }
  }
}

/** The creators of all shards, or one, each where it is: a move that was killed may have left some behind. */
async function* placesOf(
  knowledge: Knowledge,
  { from, target }: FoundMove,
  only: CreatorId | undefined,
  signal: AbortSignal,
): AsyncGenerator<{ generation: Generation; shard: number; creators: ShardCreator[] }> {
  const model = target?.embeddingModel ?? from.shards.settings.embeddingModel
  // An archive has vectors of one model.
  if (target !== undefined && model !== from.shards.settings.embeddingModel) {
    throw moveUnderWay(target)
  }
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
      if (only !== undefined && generation.shards.of(only) !== shard) continue
      const { creators } = await creatorsOf(generation.shards, shard, signal)
      const wanted = creators.filter(({ creator }) => only === undefined || creator === only)
      yield { generation, shard, creators: wanted.filter(isHere) }
    }
  }
}

interface FilesOptions {
  folder: string
  id: string
  recipients: readonly string[]
}

/** The files of an archive that is being made: each is written here, and put into the archive when it is long enough. */
class ArchiveFiles {
  readonly stored: ArchiveFile[] = []
  readonly #archive: NewArchive
  readonly #options: FilesOptions
  readonly #thread = new ParquetThread()
  /** What the open one has. */
  #records = 0
  #bytes = 0

  constructor(archive: NewArchive, options: FilesOptions) {
    this.#archive = archive
    this.#options = options
  }

  /** @param rows whole documents */
  async write(rows: readonly ArchivedRow[]): Promise<void> {
    if (this.#records === 0) await this.#thread.open(this.#path, this.#options.id)
    await this.#thread.write(rows)
    this.#records += rows.length
    for (const { text, embedding } of rows) this.#bytes += text.length + 4 * embedding.length
    if (this.#bytes >= FILE_BYTES) await this.close()
  }

  async close(): Promise<void> {
    if (this.#records === 0) return
    await this.#thread.close()
    const { recipients } = this.#options
    const name = recordsFile(this.stored.length, recipients.length > 0)
    const put = await store(this.#archive, name, this.#path, recipients)
    this.stored.push({ name, ...put, records: this.#records })
    this.#records = 0
    this.#bytes = 0
  }

  end(): Promise<void> {
    return this.#thread.end()
  }

  get #path(): string {
    return join(this.#options.folder, 'records.parquet')
  }
}
