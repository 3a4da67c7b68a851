import type { Where } from 'chromadb'
import { Failure } from '../../infra/failure.ts'
import type { ChromaCollection, StoredRecord } from '../chroma/collection.ts'
import { ServerError } from '../transport/server-error.ts'
import { chunk } from './chunk.ts'
import type { CreatorId } from './creator-id.ts'
import {
  type Chunk,
  checkDocuments,
  type NewDocument,
  type ReadyDocument,
  toChunk,
  toRecords,
} from './document.ts'
import type { TextEmbedder } from './embedder.ts'
import { type Filter, parseFilter, scoped } from './filter.ts'
import { RECORD_KEYS } from './metadata.ts'
import type { Nearest } from './nearest.ts'
import { isOwn, parseDocumentId } from './record-id.ts'
import { replace } from './replace.ts'
import type { Shards } from './shards.ts'

/** What a scope works with; the same for every creator of a store. */
export interface Store {
  shards: Shards
  embedder: TextEmbedder
  nearest: Nearest
  now: () => number
}

export interface Selection {
  /** Only chunks of these documents. */
  documents?: string[]
  /** Only chunks whose metadata matches. */
  filter?: Filter
}

export type Question = { text: string } | { vector: number[] }
export type Hit = Chunk & {
  /** 1 − cosine: 0 is the same, 2 the opposite. */
  distance: number
}

const MAX_HITS = 100
const DEFAULT_HITS = 10
const MAX_PAGE = 1000

/**
 * One creator's knowledge. There is no way out of the scope: every request carries the creator's filter, every
 * record id carries the creator.
 */
export class Creator {
  readonly id: CreatorId
  readonly shard: number
  readonly #store: Store
  /** Further metadata on every record this scope writes. */
  readonly #marks: Record<string, string>

  /** For Knowledge only, which has checked the id. */
  constructor(store: Store, id: CreatorId, marks: Record<string, string> = {}) {
    this.#store = store
    this.#marks = marks
    this.id = id
    this.shard = store.shards.of(id)
  }

  /**
   * Puts new documents in.
   * @throws Failure `misused` when one of them is there already
   */
  async add(documents: readonly NewDocument[], signal?: AbortSignal): Promise<void> {
    checkDocuments(documents)
    const taken = await this.get({ documents: documents.map(({ id }) => id) }, { limit: 1 }, signal)
    if (taken[0] !== undefined) {
      throw new Failure(
        'misused',
        `The document ${JSON.stringify(taken[0].document)} exists already`,
        {
          mend: 'upsert it, or delete it first',
        },
      )
    }
    await this.upsert(documents, signal)
  }

  /** Puts documents in, in place of those of the same id. Fails as a whole or in part; a repeat mends it. */
  async upsert(documents: readonly NewDocument[], signal?: AbortSignal): Promise<void> {
    if (documents.length === 0) return
    checkDocuments(documents)
    const ready = await this.#embedded(documents, signal)
    const createdAt = this.#store.now()
    const fresh = ready.flatMap(document => toRecords(this.id, document, createdAt, this.#marks))
    const where = this.#where({ documents: ready.map(({ id }) => id) })
    await this.#store.shards.write(
      this.shard,
      records => replace(records, where, fresh, createdAt, signal),
      signal,
    )
  }

  /** The chunks nearest to a text or a vector, nearest first, ties by record id. */
  async query(
    question: Question,
    options: Selection & { count?: number } = {},
    signal?: AbortSignal,
  ): Promise<Hit[]> {
    const count = within('count', options.count ?? DEFAULT_HITS, MAX_HITS)
    const where = this.#where(options)
    const { embedder, nearest } = this.#store
    const vector =
      'text' in question
        ? await embedder.query(question.text, signal)
        : embedder.accept(question.vector)
    const find = (records: ChromaCollection) => nearest.find(records, where, vector, count, signal)
    const found = this.#own(await this.#read([], find, signal))
    return found.map(record => ({ ...toChunk(record), distance: record.distance }))
  }

  /** Chunks by document and filter, in the order in which they were first written. */
  async get(
    selection: Selection = {},
    page: { limit?: number; offset?: number } = {},
    signal?: AbortSignal,
  ): Promise<Chunk[]> {
    const where = this.#where(selection)
    const limit = within('limit', page.limit ?? MAX_PAGE, MAX_PAGE)
    const options = {
      include: ['metadatas' as const, 'documents' as const],
      limit,
      offset: page.offset ?? 0,
    }
    return (await this.#get(where, options, signal)).map(toChunk)
  }

  /** The documents, by the metadata of their first chunk. */
  async documents(
    page: { limit?: number; offset?: number } = {},
    signal?: AbortSignal,
  ): Promise<Omit<Chunk, 'index' | 'text'>[]> {
    const limit = within('limit', page.limit ?? MAX_PAGE, MAX_PAGE)
    const options = { include: ['metadatas' as const], limit, offset: page.offset ?? 0 }
    const where = scoped(this.id, { [RECORD_KEYS.chunk]: { $eq: 0 } })
    return (await this.#get(where, options, signal)).map(record => {
      const { document, metadata, createdAt } = toChunk(record)
      return { document, metadata, createdAt }
    })
  }

  /** Chunks that the creator has, or that the selection matches. */
  async count(selection: Selection = {}, signal?: AbortSignal): Promise<number> {
    // Chroma's own count knows no filter.
    return (await this.#get(this.#where(selection), { include: [] }, signal)).length
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
    return this.#delete(this.#where(selection), signal)
  }

  /** Deletes everything the creator has. @returns chunks deleted */
  async clear(signal?: AbortSignal): Promise<number> {
    return this.#delete(this.#where({}), signal)
  }

  /** By id as well as by filter: were the server to ignore the filter, nobody else's records would go. */
  async #delete(where: Where, signal: AbortSignal | undefined): Promise<number> {
    let deleted = 0
    for (;;) {
      const found = await this.#get(where, { include: [], limit: MAX_PAGE }, signal)
      if (found.length === 0) return deleted
      const ids = found.map(record => record.id)
      deleted += await this.#read(0, records => records.delete(where, ids, signal), signal)
    }
  }

  async #get(
    where: Where,
    options: Parameters<ChromaCollection['get']>[1],
    signal: AbortSignal | undefined,
  ): Promise<StoredRecord[]> {
    const get = (records: ChromaCollection) => records.get(where, options, signal)
    return this.#own(await this.#read([], get, signal))
  }

  /** What a server hands out against the filter goes no further. */
  #own<T extends StoredRecord>(found: T[]): T[] {
    if (found.every(record => isOwn(this.id, record.id))) return found
    const { label } = this.#store.shards.server(this.shard).connection
    throw new ServerError('faulty', `${label} answered with records of another creator`)
  }

  #read<T>(
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.#store.shards.read(this.shard, empty, use, signal)
  }

  #where({ documents, filter }: Selection): Where {
    const more: Where[] = []
    if (documents !== undefined) {
      if (documents.length === 0) throw new Failure('misused', 'The list of documents is empty')
      more.push({ [RECORD_KEYS.document]: { $in: documents.map(parseDocumentId) } })
    }
    if (filter !== undefined) more.push(parseFilter(filter) as Where)
    return scoped(this.id, ...more)
  }

  async #embedded(
    documents: readonly NewDocument[],
    signal: AbortSignal | undefined,
  ): Promise<ReadyDocument[]> {
    const { embedder } = this.#store
    const texts = documents.map(document =>
      'text' in document ? chunk(document.text, embedder.chunkLength) : [],
    )
    const vectors = (await embedder.documents(texts.flat(), signal)).values()
    return documents.map((document, position) => ({
      id: document.id,
      metadata: document.metadata ?? {},
      chunks:
        'text' in document
          ? texts[position]!.map(text => ({ text, vector: vectors.next().value! }))
          : document.chunks.map(({ text, vector }) => ({ text, vector: embedder.accept(vector) })),
    }))
  }
}

function within(what: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Failure('misused', `${what} is ${value}; allowed are whole numbers from 1 to ${most}`)
}
