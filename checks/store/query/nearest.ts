import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Bytes, Millis } from '../../../infra/units.ts'
import type { Include, StoredRecord } from '../../chroma/chroma-records.ts'
import { CurrentVersions } from '../records/current-versions.ts'
import { fetchByIds } from '../scope/fetch-by-ids.ts'
import { ownRecords } from '../scope/own-records.ts'
import { retryRead } from '../scope/retry-read.ts'
import { type CreatorQuery, selectIds } from '../scope/select-ids.ts'
import { FETCHED_BYTES, FETCHED_QUERIES, REMEMBERED } from './cache-limits.ts'
import { DocumentVersions, keyOfCreator, type VersionedCreator } from './document-versions.ts'
import { byDistance, type Ranked, rank } from './rank.ts'
import { RecordIdIndex } from './record-id-index.ts'
import { UnreachableRecords } from './unreachable-records.ts'

const STORED: Include[] = ['metadatas', 'documents']
const ALL: Include[] = [...STORED, 'embeddings']

/**
 * Up to so many chunks all of them are fetched and ranked exactly; above, Chroma's index is asked, which looks for as
 * many at least (`ef_search`). Where the two take as long was measured with 384 dimensions on 2 cores: at some 30 chunks
 * in a shard of 1,200 records, 110 in one of 10,000; in one of 29,000 a filtered query takes 24 ms for up to 100
 * matches, and 7 for more, where fetching 120 chunks takes 11.
 */
export const MOST_RANKED = 100
/**
 * Between an announcement and the first record that comes or goes after it, Chroma does two writes, one after the other:
 * some 40 ms (measured, 1.5.9). What is read beside the announcements, and is over in less, has missed none.
 */
const SOONEST_CHANGE: Millis = 10
/** Of the index at most, where some of what it finds does not count any more. */
const MOST_ASKED = 1000

/** Of a vector, and of a text (UTF-16). */
const NUMBER: Bytes = 8
const UNIT: Bytes = 2
/** A record beside what it holds. */
const RECORD: Bytes = 512

/** What is searched: what is selected of a creator's records, as the server finds them. */
export interface NearestQuery extends CreatorQuery, VersionedCreator {
  /** Whether one of the creator's records is selected. Absent when only the server can tell. */
  accepts?: (record: StoredRecord) => boolean
}

/** All that is selected and counts, or that it is too much to rank, when the version was this. */
interface Known {
  version: string | undefined
  all: StoredRecord[] | 'many'
}

/** What was read beside others' writes. */
interface Settled<Kind> {
  /** Records that came. */
  read: number
  versions: CurrentVersions
  /** Those that counted before and afterwards. */
  counting: Kind[]
  /** What is selected now of the documents that changed meanwhile. */
  changed: StoredRecord[]
}

/**
 * Finds the nearest records, by whichever way is the fastest: among all that the creator has, among all that is
 * selected, or by Chroma's index. What was fetched is used again as long as the creator's version stays the same, so
 * results are exact whoever writes.
 */
export class Nearest {
  readonly #index = new RecordIdIndex(MOST_RANKED)
  readonly #versions = new DocumentVersions()
  readonly #unreachable = new UnreachableRecords()
  readonly #known = new LRUCache<string, Known>({
    max: FETCHED_QUERIES,
    ...REMEMBERED,
    maxSize: FETCHED_BYTES,
    sizeCalculation: sizeOf,
  })

  find(
    searched: NearestQuery,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<Ranked<StoredRecord>[]> {
    return retryRead(() => this.#find(searched, vector, count, signal), signal)
  }

  async #find(
    searched: NearestQuery,
    vector: number[],
    count: number,
    signal: AbortSignal | undefined,
  ): Promise<Ranked<StoredRecord>[] | undefined> {
    const { accepts, creatorFilter, where } = searched
    const whole = { ...searched, where: creatorFilter, byId: () => true }
    if (accepts !== undefined) {
      const all = await this.#all(whole, signal)
      if (all !== 'many') return all && rank(all.filter(accepts), vector, count)
    }
    if (where !== creatorFilter) {
      const all = await this.#all(searched, signal)
      if (all !== 'many') return all && rank(all, vector, count)
    }
    return this.#byIndex(searched, vector, count, signal)
  }

  /** All that is selected and counts. Undefined when it changed meanwhile. */
  async #all(
    searched: NearestQuery,
    signal: AbortSignal | undefined,
  ): Promise<Known['all'] | undefined> {
    const key = keyOf(searched)
    const known = this.#known.get(key)
    // Whether it is fewer by now is seen when the index has answered.
    if (known?.all === 'many') return 'many'
    const { version } = searched
    const guess = known ?? (await this.#listed(searched, signal))
    // The version comes before what is read for it, so that what is written in between is seen as a change.
    const [now, guessed] = await Promise.all([
      guess === undefined ? version.cached(signal) : version.current(signal),
      guess?.all,
    ])
    const isAsItWas = guessed !== undefined && now !== undefined && guess?.version === now
    const all = isAsItWas ? guessed : await this.#fetch(searched, signal)
    if (all !== undefined && all !== known?.all) this.#known.set(key, { version: now, all })
    return all
  }

  async #fetch(
    searched: NearestQuery,
    signal: AbortSignal | undefined,
  ): Promise<Known['all'] | undefined> {
    const { records, creator, creatorFilter, where, byId } = searched
    const first = { include: ALL, limit: MOST_RANKED + 1 }
    if (byId === undefined) {
      const read = () => records.get(where, first, signal)
      const found = await this.#settled(searched, read, signal)
      return found && orMany(found.read, [...found.counting, ...found.changed])
    }
    if (where === creatorFilter) {
      const all = await records.get(where, first, signal)
      if (all.length <= MOST_RANKED) {
        const versions = CurrentVersions.among(all.map(({ id }) => id))
        return ownRecords(
          records,
          creator,
          all.filter(({ id }) => versions.has(id)),
        )
      }
      if ((await this.#versions.current(searched, signal)).chunks > MOST_RANKED) return 'many'
    }
    const { current } = await selectIds(records, searched, signal)
    if (current.length > MOST_RANKED) return 'many'
    const all = await fetchByIds(records, creatorFilter, current, ALL, signal)
    return all && ownRecords(records, creator, all)
  }

  /** Asks the index. Undefined when documents changed so much meanwhile that it is to be asked again. */
  async #byIndex(
    searched: NearestQuery,
    vector: number[],
    count: number,
    signal: AbortSignal | undefined,
  ): Promise<Ranked<StoredRecord>[] | undefined> {
    const { records, where } = searched
    for (let asked = count; ; asked = Math.min(2 * asked, MOST_ASKED)) {
      const options = { count: asked, include: STORED }
      const read = () => records.query(where, vector, options, signal)
      const found = await this.#settled(searched, read, signal)
      if (found === undefined) return undefined
      const isAll = found.read < asked || asked === MOST_ASKED
      if (found.counting.length < count && !isAll) continue
      const missed = await this.#missed(searched, found.versions, vector, signal)
      const beside = rank([...found.changed, ...missed], vector, count)
      const all = new Map([...found.counting, ...beside].map(record => [record.id, record]))
      return byDistance([...all.values()]).slice(0, count)
    }
  }

  /** What is selected of the records that the index does not find. */
  async #missed(
    searched: NearestQuery,
    versions: CurrentVersions,
    vector: number[],
    signal: AbortSignal | undefined,
  ): Promise<StoredRecord[]> {
    const { records, creatorFilter, where, accepts } = searched
    const missed = this.#unreachable.of(searched, versions, vector)
    if (accepts !== undefined) return missed.filter(accepts)
    if (missed.length === 0 || where === creatorFilter) return missed
    const ids = missed.map(({ id }) => id)
    const found = await records.get(where, { ids, include: [] }, signal)
    const selected = new Set(found.map(({ id }) => id))
    return missed.filter(({ id }) => selected.has(id))
  }

  /**
   * Reads beside others' writes. Undefined when much changed meanwhile, or changed once more.
   */
  async #settled<Kind extends StoredRecord>(
    searched: NearestQuery,
    read: () => Promise<Kind[]>,
    signal: AbortSignal | undefined,
  ): Promise<Settled<Kind> | undefined> {
    const { records, creator, where } = searched
    const before = await this.#versions.cached(searched, signal)
    const started = performance.now()
    const [beside, found] = await Promise.all([this.#versions.current(searched, signal), read()])
    const isOverSooner = beside === before && performance.now() - started < SOONEST_CHANGE
    const after = isOverSooner ? beside : await this.#versions.current(searched, signal)
    if (after !== before) this.#forget(searched, after)
    const ids = after.chunkIds(creator, before)
    if (ids.length > MOST_ASKED) return undefined
    const changed = ids.length === 0 ? [] : await records.get(where, { ids, include: ALL }, signal)
    const whole = CurrentVersions.among(changed.map(({ id }) => id))
    if (!changed.every(({ id }) => whole.has(id))) return undefined
    const counting = found.filter(({ id }) => before.has(id) && after.has(id))
    return {
      read: found.length,
      versions: after,
      counting: ownRecords(records, creator, counting),
      changed: ownRecords(records, creator, changed),
    }
  }

  /** What was too much may be less when versions changed. */
  #forget(searched: NearestQuery, { chunks }: CurrentVersions): void {
    const whole = keyOf({ ...searched, where: searched.creatorFilter })
    if (chunks <= MOST_RANKED) this.#known.delete(whole)
    if (keyOf(searched) !== whole) this.#known.delete(keyOf(searched))
  }

  /** What the records that the index has are now, which are all as long as the version is what it was. */
  async #listed(
    { records, creatorFilter, where, creator, version }: NearestQuery,
    signal: AbortSignal | undefined,
  ) {
    const listed = where === creatorFilter ? this.#index.find(records, creator, version) : undefined
    // A version that was heard to be another spares asking for what is known to be old.
    if (listed === undefined || listed.version !== (await version.cached(signal))) return undefined
    if (listed.ids === 'many') return { version: listed.version, all: 'many' as const }
    const options = { include: ALL, ids: [...listed.ids] }
    const found = records.get(creatorFilter, options, signal)
    const all = found.then(those => ownRecords(records, creator, those))
    return { version: listed.version, all }
  }
}

const orMany = (read: number, all: StoredRecord[]): Known['all'] =>
  Math.max(read, all.length) > MOST_RANKED ? 'many' : all

/** By a hash, since a filter can be as long as its sender likes; a creator of that very name is another key. */
const keyOf = (searched: NearestQuery): string => {
  const { records, creatorFilter, where } = searched
  return where === creatorFilter
    ? keyOfCreator(searched)
    : `${records.path}?${hash('sha256', JSON.stringify(where))}`
}

/** In bytes. */
function sizeOf(known: Known): number {
  if (known.all === 'many') return RECORD
  let size = RECORD
  for (const { vector = [], text = '', metadata = {} } of known.all) {
    let units = text.length
    for (const key in metadata) {
      const value = metadata[key]
      units += key.length + (typeof value === 'string' ? value.length : 0)
    }
    size += RECORD + NUMBER * vector.length + UNIT * units
  }
  return size
}
