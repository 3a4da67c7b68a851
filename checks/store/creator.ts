import { randomUUID } from 'node:crypto'
import { Failure } from '../../infra/failure.ts'
import type { NewRecord } from '../chroma/chroma-records.ts'
import type { CreatorId } from './creator-id.ts'
import { makeReady } from './embedded-documents.ts'
import type { TextEmbedder } from './embedder.ts'
import type { Nearest } from './query/nearest.ts'
import type { WriteVersions } from './query/write-versions.ts'
import {
  type Chunk,
  checkDocuments,
  documentRecords,
  type NewDocument,
  toChunk,
} from './records/document.ts'
import { RECORD_KEYS } from './records/metadata.ts'
import type { KeyedMutex } from './scope/keyed-mutex.ts'
import { Scope, type Selection } from './scope/scope.ts'
import type { ShardCollections } from './shard-collections.ts'

/** What the creators' scopes work with; the same for every creator of a store. */
export interface Store {
  shards: ShardCollections
  versions: WriteVersions
  embedder: TextEmbedder
  nearest: Nearest
  /** Of the creators, to write. */
  writes: KeyedMutex
  now: () => number
}

export interface Page {
  limit?: number
  offset?: number
}

export type Question = { text: string } | { vector: number[] }

export type Hit = Chunk & {
  /** 1 − cosine: 0 is the same, 2 the opposite. */
  distance: number
}

export type DocumentInfo = Omit<Chunk, 'index' | 'text'>

const MAX_HITS = 100
const DEFAULT_HITS = 10
const MAX_PAGE = 1000
/** More records than a shard has; Chroma refuses what 32 bits do not hold. */
export const MAX_OFFSET = 1_000_000_000

/** One creator's knowledge: documents go in by text or with vectors, and are found by what they mean. */
export class Creator {
  readonly id: CreatorId
  readonly shard: number
  readonly #store: Store
  readonly #scope: Scope
  /** Further metadata on every record this scope writes. */
  readonly #added: Record<string, string>

  /** For Knowledge only, which has checked the id. */
  constructor(store: Store, id: CreatorId, added: Record<string, string> = {}) {
    this.#store = store
    this.#scope = new Scope(store.shards, store.versions, id)
    this.#added = added
    this.id = id
    this.shard = this.#scope.shard
  }

  /**
   * Puts new documents in. When it fails, what it has put in is taken out again, as far as that can be done then, and
   * nothing else: what another process puts meanwhile stays.
   * @throws Failure `misused` when one of them is there already
   */
  async add(documents: readonly NewDocument[], signal?: AbortSignal): Promise<void> {
    const addition = randomUUID()
    const added = { [RECORD_KEYS.addition]: addition }
    await this.#put(
      documents,
      (ids, make) => this.#scope.add(ids, make(added), addition, signal),
      signal,
    )
  }

  /** Puts documents in, in place of those of the same id. Fails as a whole or in part; a repeat mends it. */
  async upsert(documents: readonly NewDocument[], signal?: AbortSignal): Promise<void> {
    await this.#put(documents, (ids, make) => this.#scope.replace(ids, make, signal), signal)
  }

  /** The chunks nearest to a text or a vector, nearest first, ties by record id. */
  async query(
    question: Question,
    options: Selection & { count?: number } = {},
    signal?: AbortSignal,
  ): Promise<Hit[]> {
    const count = within('count', options.count ?? DEFAULT_HITS, 1, MAX_HITS)
    const { embedder, nearest } = this.#store
    const vector =
      'text' in question
        ? await embedder.query(question.text, signal)
        : embedder.accept(question.vector)
    const found = await this.#scope.find(nearest, options, vector, count, signal)
    return found.map(record => ({ ...toChunk(record), distance: record.distance }))
  }

  /** Chunks by document and filter, in the order in which they were first written. */
  async get(selection: Selection = {}, page: Page = {}, signal?: AbortSignal): Promise<Chunk[]> {
    const options = { include: ['metadatas' as const, 'documents' as const], ...checkPage(page) }
    return (await this.#scope.get(selection, options, signal)).map(toChunk)
  }

  /** The documents, by the metadata of their first chunk. */
  async documents(page: Page = {}, signal?: AbortSignal): Promise<DocumentInfo[]> {
    const first = await this.#scope.firstChunks(checkPage(page), signal)
    return first.map(record => {
      const { document, metadata, createdAt } = toChunk(record)
      return { document, metadata, createdAt }
    })
  }

  /** Chunks that the creator has, or that the selection matches. */
  async count(selection: Selection = {}, signal?: AbortSignal): Promise<number> {
    // Chroma's own count knows no filter.
    return (await this.#scope.get(selection, { include: [] }, signal)).length
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
    const work = () => this.#scope.delete(selection, signal)
    return this.#store.writes.runExclusive(this.id, work, signal)
  }

  async #put(
    documents: readonly NewDocument[],
    write: (ids: string[], make: (added?: Record<string, string>) => NewRecord[]) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (documents.length === 0) return
    checkDocuments(documents)
    const { now, writes } = this.#store
    const ready = await makeReady(this.#store.embedder, documents, signal)
    const ids = ready.map(({ id }) => id)
    const make = (added = {}) => {
      const createdAt = now()
      const all = { ...this.#added, ...added }
      return ready.flatMap(document => documentRecords(this.id, document, createdAt, all))
    }
    // Two who replace one document at once would each have to begin again.
    await writes.runExclusive(this.id, () => write(ids, make), signal)
  }
}

function checkPage({ limit = MAX_PAGE, offset = 0 }: Page): { limit: number; offset: number } {
  return {
    limit: within('limit', limit, 1, MAX_PAGE),
    offset: within('offset', offset, 0, MAX_OFFSET),
  }
}

function within(what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Failure(
    'misused',
    `${what} is ${value}; allowed are whole numbers from ${least} to ${most}`,
  )
}
