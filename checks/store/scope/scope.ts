import type { Where } from 'chromadb'
import { Failure } from '../../../infra/failure.ts'
import type { Include, StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import type { CreatorId } from '../creator-id.ts'
import { type Filter, parseFilter, scoped } from '../filter/filter.ts'
import { isExactHere, matches } from '../filter/matches.ts'
import { requireAffordable } from '../filter/server-clauses.ts'
import { toWhere } from '../filter/where.ts'
import type { VersionedCreator } from '../query/document-versions.ts'
import type { NearestQuery } from '../query/index-search.ts'
import type { Nearest } from '../query/nearest.ts'
import type { Ranked } from '../query/rank.ts'
import type { WriteVersion, WriteVersions } from '../query/write-versions.ts'
import { documentKey } from '../records/current-versions.ts'
import type { ReadyDocument } from '../records/document.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf, parseDocumentId } from '../records/record-id.ts'
import type { Change, ShardCollections } from '../shards/shard-collections.ts'
import { addDocuments } from './add-documents.ts'
import { cursorAfter, inPageOrder, parseCursor, startAfter } from './cursor.ts'
import { fetchByIds } from './fetch-by-ids.ts'
import { ownIds, ownRecords } from './own-records.ts'
import { retryRead } from './retry-read.ts'
import { type CreatorQuery, selectIds } from './select-ids.ts'
import { type DocumentWrite, deleteDocuments, replaceDocuments } from './write-documents.ts'

/** Which of a creator's chunks. An empty selection is all of them. */
export interface Selection {
  /** Only chunks of these documents. */
  documents?: string[] | undefined
  /** Only chunks whose metadata matches. */
  filter?: Filter | undefined
}

interface Slice {
  include: Include[]
  limit: number
  /** What the page before this one ended with; see cursorAfter. */
  cursor?: string | undefined
}

/** A slice of what there is. */
interface Part {
  records: StoredRecord[]
  /** The cursor of the next; null when this is the last. */
  next: string | null
}

type MakeRecords = DocumentWrite['makeRecords']

/**
 * A creator's records, and no way to others': this is where isolation is enforced. Every request carries the
 * creator's filter, and what a server hands out against it goes no further.
 */
export class Scope {
  readonly creator: CreatorId
  readonly shard: number
  readonly #shards: ShardCollections
  readonly #versions: WriteVersions
  readonly version: WriteVersion
  /** Lets all of the creator's records through. */
  readonly #everything: Where

  constructor(shards: ShardCollections, versions: WriteVersions, creator: CreatorId) {
    this.#shards = shards
    this.#versions = versions
    this.creator = creator
    this.shard = shards.of(creator)
    this.version = versions.of(creator)
    this.#everything = scoped(creator)
  }

  /**
   * Records of the versions that count: documents by their ids, and in each by position.
   * @throws DocumentChanged when one was put in anew between two pages of it
   */
  async get(selection: Selection, slice: Slice, signal?: AbortSignal): Promise<Part> {
    return this.#get(this.#select(selection), slice, signal)
  }

  /** The first chunk of each document. */
  async firstChunks(slice: Slice, signal?: AbortSignal): Promise<Part> {
    const where = scoped(this.creator, { [RECORD_KEYS.chunk]: { $eq: 0 } })
    const byId = (id: string) => chunkOf(id)?.chunk === 0
    return this.#get({ creatorFilter: this.#everything, where, byId, isFirst: true }, slice, signal)
  }

  async count(selection: Selection, signal?: AbortSignal): Promise<number> {
    const selected = this.#select(selection)
    // Chroma's own count knows no filter.
    const count = async (records: ChromaCollection) =>
      (await this.#ids(records, selected, signal)).length
    return this.#shards.read(this.creator, 0, count, signal)
  }

  async find(
    nearest: Nearest,
    selection: Selection,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<Ranked<StoredRecord>[]> {
    const searched = { ...this.#select(selection), creator: this.creator, version: this.version }
    const find = (records: ChromaCollection) =>
      nearest.find({ records, ...searched }, vector, count, signal)
    return this.#shards.read(this.creator, [], find, signal)
  }

  /**
   * Puts whole documents in, which must not be there; see addDocuments.
   * @param put ids of what this call has put in, where it is done again because the creator has moved
   * @param signal is heard until the first of them is sent
   */
  async add(
    documents: readonly ReadyDocument[],
    makeRecords: MakeRecords,
    put: Set<string>,
    signal?: AbortSignal,
  ): Promise<void> {
    const write = this.#writing(documents, makeRecords)
    const add: Change<void> = records => addDocuments(records, write, put)
    await this.#shards.write([this.creator], add, signal)
  }

  /**
   * Puts whole documents in place of those that are there.
   * @param signal is heard until the first of them is sent
   * @returns ids of those that were there
   */
  async replace(
    documents: readonly ReadyDocument[],
    makeRecords: MakeRecords,
    signal?: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const write = this.#writing(documents, makeRecords)
    const replace: Change<ReadonlySet<string | undefined>> = records =>
      replaceDocuments(records, write)
    const before = await this.#shards.write([this.creator], replace, signal)
    const { creator } = this
    const wasThere = ({ id }: ReadyDocument) => before.has(documentKey({ creator, document: id }))
    return new Set(documents.filter(wasThere).map(({ id }) => id))
  }

  /** Reads of the creator's records what a selection does not say; `empty` when there is no shard. */
  read<T>(empty: T, use: (of: VersionedCreator) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { creator, version } = this
    const of = { creator, version, creatorFilter: this.#everything }
    return this.#shards.read(this.creator, empty, records => use({ records, ...of }), signal)
  }

  /**
   * @param done the most that were found to be deleted: where the shard is moved to, as many are there as before, or they
   *   are gone already
   * @returns chunks deleted
   */
  async delete(selection: Selection, done: { chunks: number }): Promise<number> {
    const write = { selected: this.#select(selection), during: this.#during }
    const remove: Change<number> = async records => {
      const requireOwn = (ids: readonly string[]) => ownIds(records, this.creator, ids)
      done.chunks = Math.max(done.chunks, await deleteDocuments(records, write, requireOwn))
      return done.chunks
    }
    return this.#shards.remove(this.creator, done.chunks, remove)
  }

  #writing(documents: readonly ReadyDocument[], makeRecords: MakeRecords): DocumentWrite {
    const { creator } = this
    return {
      documents: documents.map(document => ({ creator, document })),
      selected: this.#select({ documents: documents.map(({ id }) => id) }),
      makeRecords,
      during: this.#during,
    }
  }

  readonly #during: DocumentWrite['during'] = write => this.#versions.during([this.creator], write)

  /** Ids at one moment, then what the records have: one that is gone by then begins the reading again. */
  async #get(
    selected: CreatorQuery,
    { include, cursor, limit }: Slice,
    signal: AbortSignal | undefined,
  ): Promise<Part> {
    const after = cursor === undefined ? undefined : parseCursor(cursor, this.creator)
    const get = async (records: ChromaCollection): Promise<Part | undefined> => {
      const ids = inPageOrder(await this.#ids(records, selected, signal))
      const start = after === undefined ? 0 : startAfter(ids, after)
      const end = start + limit
      const some = ids.slice(start, end)
      const found = await fetchByIds(records, this.#everything, some, include, signal)
      if (found === undefined) return undefined
      const own = ownRecords(records, this.creator, found)
      return { records: own, next: end < ids.length ? cursorAfter(some.at(-1)!) : null }
    }
    const settled = (records: ChromaCollection) => retryRead(() => get(records), signal)
    return this.#shards.read(this.creator, { records: [], next: null }, settled, signal)
  }

  async #ids(
    records: ChromaCollection,
    selected: CreatorQuery,
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    const { current } = await selectIds(records, selected, signal)
    return ownIds(records, this.creator, current, signal)
  }

  #select({ documents, filter }: Selection): CreatorQuery & Pick<NearestQuery, 'accepts'> {
    if (documents?.length === 0) throw new Failure('misused', 'The list of documents is empty')
    const named = documents && new Set(documents.map(parseDocumentId))
    const asked = filter === undefined ? undefined : parseFilter(filter)
    const more: Where[] = []
    if (named !== undefined) more.push({ [RECORD_KEYS.document]: { $in: [...named] } })
    if (asked !== undefined) {
      const onServer = toWhere(asked)
      requireAffordable(onServer)
      more.push(onServer)
    }

    const creatorFilter = this.#everything
    const where = more.length === 0 ? creatorFilter : scoped(this.creator, ...more)
    const byId = (id: string) => {
      if (named === undefined) return true
      const name = chunkOf(id)
      return name?.creator === this.creator && named.has(name.document)
    }
    if (asked === undefined) return { creatorFilter, where, byId, accepts: ({ id }) => byId(id) }
    if (!isExactHere(asked)) return { creatorFilter, where }
    return {
      creatorFilter,
      where,
      accepts: ({ id, metadata = {} }) => byId(id) && matches(asked, metadata),
    }
  }
}
