import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Bytes } from '../../../infra/units.ts'
import type { Include, StoredRecord } from '../../chroma/chroma-records.ts'
import { CurrentVersions } from '../records/current-versions.ts'
import { fetchByIds } from '../scope/fetch-by-ids.ts'
import { ownRecords } from '../scope/own-records.ts'
import { retryRead } from '../scope/retry-read.ts'
import { selectIds } from '../scope/select-ids.ts'
import { FETCHED_BYTES, FETCHED_QUERIES, REMEMBERED } from './cache-limits.ts'
import { keyOfCreator } from './document-versions.ts'
import { IndexSearch, type NearestQuery } from './index-search.ts'
import { type Ranked, rank } from './rank.ts'
import { RecordIdIndex } from './record-id-index.ts'
import { memoryOf, RECORD } from './record-memory.ts'

const ALL: Include[] = ['metadatas', 'documents', 'embeddings']

/**
 * Up to so many chunks all of them are fetched and ranked exactly; above, Chroma's index is asked, which looks for as
 * many at least (`ef_search`). Where the two take as long was measured with 384 dimensions on 2 cores: at some 30 chunks
 * in a shard of 1,200 records, 110 in one of 10,000; in one of 29,000 a filtered query takes 24 ms for up to 100
 * matches, and 7 for more, where fetching 120 chunks takes 11.
 */
export const MOST_RANKED = 100

/** All that is selected and counts, or that it is too much to rank, when the version was this. */
interface Known {
  version: string | undefined
  all: StoredRecord[] | 'many'
}

/**
 * Finds the nearest records, by whichever way is the fastest: among all that the creator has, among all that is
 * selected, or by Chroma's index. What was fetched is used again as long as the creator's version stays the same, so
 * results are exact whoever writes.
 */
export class Nearest {
  readonly #index = new RecordIdIndex(MOST_RANKED)
  readonly #search = new IndexSearch()
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
    const found = await this.#search.find(searched, vector, count, signal)
    if (found === undefined) return undefined
    // What was remembered to be too much may be less since documents changed.
    if (found.isChanged && this.#forget(searched, found.versions)) return undefined
    return found.nearest
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
      const found = await this.#search.settled(searched, read, signal)
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
      if ((await this.#search.versions(searched, signal)).chunks > MOST_RANKED) return 'many'
    }
    const { current } = await selectIds(records, searched, signal)
    if (current.length > MOST_RANKED) return 'many'
    const all = await fetchByIds(records, creatorFilter, current, ALL, signal)
    return all && ownRecords(records, creator, all)
  }

  /** @returns whether the creator's chunks may be few enough by now */
  #forget(searched: NearestQuery, { chunks }: CurrentVersions): boolean {
    const whole = keyOf({ ...searched, where: searched.creatorFilter })
    if (keyOf(searched) !== whole) this.#known.delete(keyOf(searched))
    return chunks <= MOST_RANKED && this.#known.delete(whole)
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

const sizeOf = ({ all }: Known): Bytes => (all === 'many' ? RECORD : memoryOf(all))
