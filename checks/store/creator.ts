import { Failure } from '../../infra/failure.ts'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import type { BackupRecords } from './backup-records.ts'
import type { CreatorId } from './creator-id.ts'
import { cut, makeReady } from './embedded-documents.ts'
import type { ForgottenCreators } from './forgotten.ts'
import type { Generation, Generations } from './generations.ts'
import type { UsageReport } from './quota/creator-quota.ts'
import { type DocumentSizes, usageByDocument } from './quota/document-sizes.ts'
import {
  type Chunk,
  checkDocuments,
  documentRecords,
  type NewDocument,
  type ReadyDocument,
  toChunk,
} from './records/document.ts'
import { chunkOf, drawTag } from './records/record-id.ts'
import type { KeyedLimit } from './scope/keyed-limit.ts'
import type { KeyedMutex } from './scope/keyed-mutex.ts'
import { Scope, type Selection } from './scope/scope.ts'
import type { DocumentWrite } from './scope/write-documents.ts'
import { EVERYTHING } from './shards/creators-records.ts'
import type { VerificationRecord } from './verification-record.ts'

/** What the creators' scopes work with; the same for every creator of a store. */
export interface Store {
  generations: Generations
  forgotten: ForgottenCreators
  backups: BackupRecords
  verification: VerificationRecord
  /** Of the creators, to write. */
  writes: KeyedMutex
  /** Of the creators, to read: one creator's readings leave connections to the others'. */
  reads: KeyedLimit
  now: () => number
}

export interface Page {
  limit?: number
  /** The `next` of the page before; undefined for the first page. */
  cursor?: string | undefined
}

export interface PageOf<Item> {
  items: Item[]
  /** The cursor of the next page; null when this is the last. */
  next: string | null
}

export type Question = { text: string } | { vector: number[] }

export type Hit = Chunk & {
  /** 1 − cosine: 0 is the same, 2 the opposite. */
  distance: number
}

/** A document that was put in. */
export interface PutDocument {
  document: string
  chunks: number
  /** Whether there was none of its id. */
  isNew: boolean
}

type ReplaceArgs = [ready: ReadyDocument[], make: DocumentWrite['makeRecords']]

export type DocumentInfo = Omit<Chunk, 'index' | 'text'>

/** What tells the records of a scope from others. */
export interface Marks {
  /** Further metadata on every record that it writes. */
  metadata?: Record<string, string>
  /** In place of one that is drawn for every version. */
  tag?: () => string
}

const MAX_HITS = 100
const DEFAULT_HITS = 10
const MAX_PAGE = 1000

/** One creator's knowledge: documents go in by text or with vectors, and are found by what they mean. */
export class Creator {
  readonly id: CreatorId
  readonly #store: Store
  readonly #marks: Marks

  /** For Knowledge only, which has checked the id. */
  constructor(store: Store, id: CreatorId, marks: Marks = {}) {
    this.#store = store
    this.#marks = marks
    this.id = id
  }

  /** The shard that the creator is in, as far as it is known here. */
  get shard(): number {
    return this.#store.generations.where(this.id).shards.of(this.id)
  }

  /**
   * Puts new documents in. When it fails, what it has put in is taken out again, as far as that can be done then, and
   * nothing else: what another process puts meanwhile stays.
   * @param signal is heard until the first of them is sent to Chroma
   * @throws Failure `misused` when one of them is there already
   */
  async add(documents: readonly NewDocument[], signal?: AbortSignal): Promise<void> {
    const put = new Set<string>()
    await this.#put(documents, (scope, ready, make) => scope.add(ready, make, put, signal), signal)
  }

  /**
   * Puts documents in, in place of those of the same id: each is there as a whole or not at all, also after an error.
   * @param signal is heard until the first of them is sent to Chroma
   * @returns what became of each
   */
  async upsert(documents: readonly NewDocument[], signal?: AbortSignal): Promise<PutDocument[]> {
    const put: PutDocument[] = []
    const replace = async (scope: Scope, ...[ready, make]: ReplaceArgs) => {
      const before = await scope.replace(ready, make, signal)
      // Where the creator has moved meanwhile, it is done a second time.
      put.length = 0
      for (const { id, chunks } of ready) {
        put.push({ document: id, chunks: chunks.length, isNew: !before.has(id) })
      }
    }
    await this.#put(documents, replace, signal)
    return put
  }

  /** Puts a document in anew as it is, vectors and times too: its records come into the index by other ways. */
  async rewrite(document: Required<ReadyDocument>): Promise<void> {
    const make = this.#recordsAt(this.#store.now())
    const write = () => this.#writing(scope => scope.replace([document], make))
    await this.#store.writes.runExclusive(this.id, write)
  }

  /** The chunks nearest to a text or a vector, nearest first, ties by record id. */
  async query(
    question: Question,
    options: Selection & { count?: number } = {},
    signal?: AbortSignal,
  ): Promise<Hit[]> {
    const count = within('count', options.count ?? DEFAULT_HITS, 1, MAX_HITS)
    const found = await this.#inScope(async (scope, { embedder, nearest }) => {
      const vector =
        'text' in question
          ? await embedder.query(question.text, this.id, signal)
          : embedder.accept(question.vector)
      const find = () => scope.find(nearest, options, vector, count, signal)
      return this.#store.reads.run(this.id, find, signal)
    })
    return found.map(record => ({ ...toChunk(record), distance: record.distance }))
  }

  /** Chunks by document and filter: documents by their ids, their chunks by position. */
  async get(selection: Selection = {}, page: Page = {}, signal?: AbortSignal): Promise<Chunk[]> {
    return (await this.getPage(selection, page, signal)).items
  }

  /** As `get`, and where the next page begins. */
  async getPage(selection: Selection, page: Page, signal?: AbortSignal): Promise<PageOf<Chunk>> {
    const slice = { include: ['metadatas' as const, 'documents' as const], ...checkPage(page) }
    const { records, next } = await this.#read(scope => scope.get(selection, slice, signal), signal)
    return { items: records.map(toChunk), next }
  }

  /** The documents by their ids, with the metadata of their first chunk. */
  async documents(page: Page = {}, signal?: AbortSignal): Promise<DocumentInfo[]> {
    return (await this.documentsPage(page, signal)).items
  }

  /** As `documents`, and where the next page begins. */
  async documentsPage(page: Page, signal?: AbortSignal): Promise<PageOf<DocumentInfo>> {
    const slice = { include: ['metadatas' as const], ...checkPage(page) }
    const { records, next } = await this.#read(scope => scope.firstChunks(slice, signal), signal)
    const items = records.map(record => {
      const { index: _, text: __, ...document } = toChunk(record)
      return document
    })
    return { items, next }
  }

  /** Some of the records that the creator has, of whichever version, with texts and vectors. */
  sample(count: number, signal?: AbortSignal): Promise<StoredRecord[]> {
    const options = { include: EVERYTHING, limit: count, offset: 0 }
    return this.#read(
      scope =>
        scope.read<StoredRecord[]>(
          [],
          ({ records, creatorFilter }) => records.get(creatorFilter, options, signal),
          signal,
        ),
      signal,
    )
  }

  /** What the creator has, and may have. Reads all that is not known of it. */
  usage(signal?: AbortSignal): Promise<UsageReport> {
    return this.#read((scope, { quota }) => quota.report(scope, signal), signal)
  }

  /** Chunks that the creator has, or that the selection matches. */
  count(selection: Selection = {}, signal?: AbortSignal): Promise<number> {
    return this.#read(scope => scope.count(selection, signal), signal)
  }

  /**
   * Deletes what the selection matches; an empty selection is refused, see `clear`.
   * @returns chunks deleted
   */
  async delete(selection: Selection, signal?: AbortSignal): Promise<number> {
    if (selection.documents === undefined && selection.filter === undefined) {
      throw new Failure('misused', 'Nothing was said about what to delete', {
        mend: 'name documents or a filter; clear() deletes everything of a creator',
      })
    }
    return this.#delete(selection, signal)
  }

  /** Deletes everything the creator has. @returns chunks deleted */
  async clear(signal?: AbortSignal): Promise<number> {
    return this.#delete({}, signal)
  }

  #delete(selection: Selection, signal: AbortSignal | undefined): Promise<number> {
    // Where the creator has moved meanwhile, as many are there as before, or they are gone already.
    const done = { chunks: 0 }
    const work = () => this.#writing(scope => scope.delete(selection, done))
    return this.#store.writes.runExclusive(this.id, work, signal)
  }

  async #put(
    documents: readonly NewDocument[],
    write: (
      scope: Scope,
      ready: ReadyDocument[],
      make: DocumentWrite['makeRecords'],
    ) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (documents.length === 0) return
    checkDocuments(documents)
    const { now, writes } = this.#store
    await this.#writing(async (scope, { embedder, quota, shards }) => {
      const texts = cut(embedder, documents)
      const fresh = usageByDocument(texts, shards.settings.dimension)
      // Before all that is costly, and again when what came before it is written.
      const requireRoom = () => quota.require(scope, fresh, signal)
      await requireRoom()
      const ready = await makeReady(embedder, texts, this.id, signal)
      const records = this.#recordsAt(now())
      const written: DocumentSizes = new Map()
      const make: DocumentWrite['makeRecords'] = (creator, document, sequence) => {
        const made = records(creator, document, sequence)
        const { version } = chunkOf(made[0]!.id) ?? {}
        written.set(document.id, { version, ...fresh.get(document.id)! })
        return made
      }
      // Once begun it goes on whatever becomes of its caller: a half would help nobody.
      const put = async () => {
        await requireRoom()
        await quota.counted(scope, written, () => write(scope, ready, make))
      }
      await writes.runExclusive(this.id, put, signal)
    })
  }

  #writing<T>(use: (scope: Scope, generation: Generation) => Promise<T>): Promise<T> {
    return this.#inScope((scope, generation) =>
      use(scope, generation).catch(async error => {
        await generation.shards.server(scope.shard).explainAbsence(error)
        throw error
      }),
    )
  }

  #read<T>(
    use: (scope: Scope, generation: Generation) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.#inScope((scope, generation) =>
      this.#store.reads.run(this.id, () => use(scope, generation), signal),
    )
  }

  /** In the generation that the creator is in. */
  #inScope<T>(use: (scope: Scope, generation: Generation) => Promise<T>): Promise<T> {
    return this.#store.generations.with(this.id, generation =>
      use(new Scope(generation.shards, generation.versions, this.id), generation),
    )
  }

  /** @param now Unix milliseconds */
  #recordsAt(now: number): DocumentWrite['makeRecords'] {
    const { tag = drawTag, metadata = {} } = this.#marks
    return (creator, document, sequence) =>
      documentRecords(creator, document, { sequence, tag: tag() }, now, metadata)
  }
}

const checkPage = ({ limit = MAX_PAGE, cursor }: Page) => ({
  limit: within('limit', limit, 1, MAX_PAGE),
  cursor,
})

function within(what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Failure(
    'misused',
    `${what} is ${value}; allowed are whole numbers from ${least} to ${most}`,
  )
}
