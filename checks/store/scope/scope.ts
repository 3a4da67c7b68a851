import type { Where } from 'chromadb'
import { Failure } from '../../../infra/failure.ts'
import type { NewRecord, StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection, GetOptions } from '../../chroma/collection.ts'
import { ServerError } from '../../transport/server-error.ts'
import type { CreatorId } from '../creator-id.ts'
import { type Filter, parseFilter, scoped } from '../filter/filter.ts'
import { isExactHere, matches } from '../filter/matches.ts'
import { toWhere } from '../filter/where.ts'
import type { Nearest, NearestQuery } from '../query/nearest.ts'
import type { Ranked } from '../query/rank.ts'
import type { WriteVersion, WriteVersions } from '../query/write-versions.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf, isOfCreator, parseDocumentId } from '../records/record-id.ts'
import type { ShardCollections } from '../shard-collections.ts'
import { addNew } from './add-documents.ts'
import { type CreatorQuery, fetchSelected } from './fetch-selected.ts'
import { replace } from './replace-documents.ts'

/** Which of a creator's chunks. An empty selection is all of them. */
export interface Selection {
  /** Only chunks of these documents. */
  documents?: string[] | undefined
  /** Only chunks whose metadata matches. */
  filter?: Filter | undefined
}

/** Records to delete in one go. */
const PAGE = 1000

/**
 * A creator's records, and no way to others': this is where isolation is enforced. Every request carries the
 * creator's filter, and what a server hands out against it goes no further.
 */
export class Scope {
  readonly creator: CreatorId
  readonly shard: number
  readonly #shards: ShardCollections
  readonly #versions: WriteVersions
  readonly #version: WriteVersion
  /** Lets all of the creator's records through. */
  readonly #everything: Where

  constructor(shards: ShardCollections, versions: WriteVersions, creator: CreatorId) {
    this.#shards = shards
    this.#versions = versions
    this.creator = creator
    this.shard = shards.of(creator)
    this.#version = versions.of(creator)
    this.#everything = scoped(creator)
  }

  async get(
    selection: Selection,
    options: GetOptions,
    signal?: AbortSignal,
  ): Promise<StoredRecord[]> {
    return this.#get(this.#select(selection), options, signal)
  }

  /** The first chunk of each document. */
  async firstChunks(
    page: { limit: number; offset: number },
    signal?: AbortSignal,
  ): Promise<StoredRecord[]> {
    const where = scoped(this.creator, { [RECORD_KEYS.chunk]: { $eq: 0 } })
    const byId = (id: string) => chunkOf(id)?.chunk === 0
    const options = { include: ['metadatas' as const], ...page }
    return this.#get({ creatorFilter: this.#everything, where, byId }, options, signal)
  }

  async find(
    nearest: Nearest,
    selection: Selection,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<Ranked<StoredRecord>[]> {
    const { accepts, ...selected } = this.#select(selection)
    const from = {
      selected,
      creator: this.creator,
      version: this.#version,
      ...(accepts && { accepts }),
    }
    const find = (records: ChromaCollection) =>
      nearest.find({ records, ...from }, vector, count, signal)
    return this.#own(await this.#read([], find, signal))
  }

  /** Puts the chunks of whole documents in, which must not be there; see addNew. */
  async add(
    documents: string[],
    fresh: readonly NewRecord[],
    addition: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const selected = this.#select({ documents })
    const put = (records: ChromaCollection) => addNew(records, selected, fresh, addition, signal)
    await this.#versions.after(this.#shards.write(this.shard, put, signal), [this.creator])
  }

  /** Puts the chunks of whole documents in place of those that are there. */
  async replace(
    documents: string[],
    make: () => readonly NewRecord[],
    signal?: AbortSignal,
  ): Promise<void> {
    const selected = this.#select({ documents })
    const put = (records: ChromaCollection) => replace(records, selected, make, signal)
    await this.#versions.after(this.#shards.write(this.shard, put, signal), [this.creator])
  }

  /**
   * By id as well as by filter: were the server to ignore the filter, nobody else's records would go.
   * @returns records deleted
   */
  async delete(selection: Selection, signal?: AbortSignal): Promise<number> {
    const selected = this.#select(selection)
    // Also when nothing is found: it may be gone by an earlier call that failed before it could tell.
    const gone = (records: ChromaCollection) =>
      this.#versions.after(this.#deleteAll(records, selected, signal), [this.creator])
    return this.#read(0, gone, signal)
  }

  async #deleteAll(
    records: ChromaCollection,
    selected: CreatorQuery,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const where = selected.byId === undefined ? selected.where : selected.creatorFilter
    const some = { include: [], limit: PAGE }
    let deleted = 0
    for (;;) {
      const found = this.#own(await fetchSelected(records, selected, some, signal))
      if (found.length === 0) return deleted
      const ids = found.map(record => record.id)
      deleted += await records.delete(where, ids, signal)
    }
  }

  async #get(
    selected: CreatorQuery,
    options: GetOptions,
    signal: AbortSignal | undefined,
  ): Promise<StoredRecord[]> {
    const get = (records: ChromaCollection) => fetchSelected(records, selected, options, signal)
    return this.#own(await this.#read([], get, signal))
  }

  #select({ documents, filter }: Selection): CreatorQuery & Pick<NearestQuery, 'accepts'> {
    if (documents?.length === 0) throw new Failure('misused', 'The list of documents is empty')
    const named = documents && new Set(documents.map(parseDocumentId))
    const asked = filter === undefined ? undefined : parseFilter(filter)
    const more: Where[] = []
    if (named !== undefined) more.push({ [RECORD_KEYS.document]: { $in: [...named] } })
    if (asked !== undefined) more.push(toWhere(asked))

    const creatorFilter = this.#everything
    const where = more.length === 0 ? creatorFilter : scoped(this.creator, ...more)
    const byId = (id: string) => named === undefined || named.has(chunkOf(id)?.document ?? '')
    if (asked === undefined) return { creatorFilter, where, byId, accepts: ({ id }) => byId(id) }
    if (!isExactHere(asked)) return { creatorFilter, where }
    return {
      creatorFilter,
      where,
      accepts: ({ id, metadata = {} }) => byId(id) && matches(asked, metadata),
    }
  }

  #read<T>(
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.#shards.read(this.shard, empty, use, signal)
  }

  #own<T extends StoredRecord>(found: T[]): T[] {
    if (found.every(record => isOfCreator(this.creator, record.id))) return found
    const { label } = this.#shards.server(this.shard).connection
    throw new ServerError('faulty', `${label} answered with records of another creator`)
  }
}
