import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Bytes } from '../../../infra/units.ts'
import type { Include, StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import type { CreatorId } from '../creator-id.ts'
import { type CreatorQuery, fetchSelected } from '../scope/fetch-selected.ts'
import { FETCHED_BYTES, FETCHED_QUERIES, REMEMBERED } from './cache-limits.ts'
import { byDistance, type Ranked, rank } from './rank.ts'
import { RecordIdIndex } from './record-id-index.ts'
import type { WriteVersion } from './write-versions.ts'

const STORED: Include[] = ['metadatas', 'documents']
const ALL: Include[] = [...STORED, 'embeddings']

const FEWEST_RANKED = 25
const RECORDS_PER_RANKED = 120
/** As many as Chroma's index looks for at least (`ef_search`): with fewer matches a filtered query walks all of a shard. */
const MOST_RANKED = 100

/**
 * Up to how many chunks all of them are fetched and ranked exactly; above, Chroma's index is asked. Where the two
 * take as long was measured with 384 dimensions on 2 cores: at some 30 chunks in a shard of 1,200 records, 110 in one
 * of 10,000; in one of 29,000 a filtered query takes 24 ms for up to 100 matches, and 7 for more, where fetching 120
 * chunks takes 11.
 * @param records of the shard
 */
export const mostRanked = (records: number): number =>
  Math.min(MOST_RANKED, Math.floor(FEWEST_RANKED + records / RECORDS_PER_RANKED))

/** Of a vector, and of a text (UTF-16). */
const NUMBER: Bytes = 8
const UNIT: Bytes = 2
/** A record beside what it holds. */
const RECORD: Bytes = 512

/** What is searched. */
export interface NearestQuery {
  records: ChromaCollection
  /** Records of this creator, as the server finds them. */
  selected: CreatorQuery
  /** Whether one of the creator's records is among them. Absent when only the server can tell. */
  accepts?: (record: StoredRecord) => boolean
  creator: CreatorId
  version: WriteVersion
}

/** What is selected: too much to rank, or all of it as it was when the version was this. */
type Known = 'many' | { version: string; all: StoredRecord[] }

/**
 * Finds the nearest records, by whichever way is the fastest: among all that the creator has, among all that is
 * selected, or by Chroma's index. What was fetched is used again as long as the creator's version stays the same, so
 * results are exact whoever writes. A shard's size and what is too much to rank are remembered for a while; that saves
 * requests and decides nothing but the way.
 */
export class Nearest {
  readonly #index = new RecordIdIndex(MOST_RANKED)
  readonly #sizes = new LRUCache<string, number>({ max: FETCHED_QUERIES, ...REMEMBERED })
  readonly #known = new LRUCache<string, Known>({
    max: FETCHED_QUERIES,
    ...REMEMBERED,
    maxSize: FETCHED_BYTES,
    sizeCalculation: sizeOf,
  })

  async find(
    searched: NearestQuery,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<Ranked<StoredRecord>[]> {
    const { accepts, selected } = searched
    const { creatorFilter, where } = selected
    if (accepts !== undefined) {
      const whole = await this.#all(
        { ...searched, selected: { creatorFilter, where: creatorFilter } },
        signal,
      )
      if (whole !== undefined) return rank(whole.filter(accepts), vector, count)
    }
    const all = where === creatorFilter ? undefined : await this.#all(searched, signal)
    if (all !== undefined) return rank(all, vector, count)
    const options = { count, include: STORED }
    return byDistance(await searched.records.query(where, vector, options, signal))
  }

  /** All that is selected; undefined when it is too much. */
  async #all(
    searched: NearestQuery,
    signal: AbortSignal | undefined,
  ): Promise<StoredRecord[] | undefined> {
    const { records } = searched
    const key = keyOf(searched)
    const known = this.#known.get(key)
    if (known === 'many') return undefined
    const most = mostRanked(await this.#sizeOf(records, signal))
    const { now, all } = await this.#look(searched, known, most, signal)
    if (all === undefined) this.#known.set(key, 'many')
    else if (now !== undefined && known?.version !== now)
      this.#known.set(key, { version: now, all })
    return all
  }

  /**
   * The version comes before what is read for it, so that what is written in between is seen as a change.
   * @param most records that are worth being fetched
   * @returns all that is selected, unless it is more
   */
  async #look(
    searched: NearestQuery,
    known: Exclude<Known, 'many'> | undefined,
    most: number,
    signal: AbortSignal | undefined,
  ): Promise<{ now?: string | undefined; all?: StoredRecord[] }> {
    const { records, selected, version } = searched
    const guess = known ?? (await this.#listed(searched, most, signal))
    if (guess === 'many') return {}
    const [now, guessed] = await Promise.all([
      guess === undefined ? version.cached(signal) : version.current(signal),
      guess?.all,
    ])
    if (guessed !== undefined && guess?.version === now) return { now, all: guessed }
    const all = await fetchSelected(records, selected, { include: ALL, limit: most + 1 }, signal)
    return all.length > most ? {} : { now, all }
  }

  /** What the records that the index has are now, which are all as long as the version is what it was. */
  async #listed(
    { records, selected: { creatorFilter, where }, creator, version }: NearestQuery,
    most: number,
    signal: AbortSignal | undefined,
  ) {
    const listed = where === creatorFilter ? this.#index.find(records, creator, version) : undefined
    // A version that was heard to be another spares asking for what is known to be old.
    if (listed === undefined || listed.version !== (await version.cached(signal))) return undefined
    if (listed.ids === 'many' || listed.ids.length > most) return 'many'
    const ids = [...listed.ids]
    return {
      version: listed.version,
      all: records.get(creatorFilter, { include: ALL, ids }, signal),
    }
  }

  async #sizeOf(records: ChromaCollection, signal: AbortSignal | undefined): Promise<number> {
    const known = this.#sizes.get(records.path)
    if (known !== undefined) return known
    const size = await records.size(signal)
    this.#sizes.set(records.path, size)
    return size
  }
}

/** By a hash, since a filter can be as long as its sender likes; a creator of that very name is another key. */
const keyOf = ({ records, creator, selected: { creatorFilter, where } }: NearestQuery): string =>
  records.path +
  (where === creatorFilter ? `/${creator}` : `?${hash('sha256', JSON.stringify(where))}`)

/** In bytes. */
function sizeOf(known: Known): number {
  if (known === 'many') return RECORD
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
