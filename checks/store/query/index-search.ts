import type { Millis } from '../../../infra/units.ts'
import type { Include, StoredRecord } from '../../chroma/chroma-records.ts'
import { CurrentVersions } from '../records/current-versions.ts'
import { ownRecords } from '../scope/own-records.ts'
import type { CreatorQuery } from '../scope/select-ids.ts'
import { DocumentVersions, type VersionedCreator } from './document-versions.ts'
import { byDistance, type Ranked, rank } from './rank.ts'
import { UnreachableRecords } from './unreachable-records.ts'

const STORED: Include[] = ['metadatas', 'documents']
const ALL: Include[] = [...STORED, 'embeddings']

/**
 * Between an announcement and the first record that comes or goes after it, Chroma does two writes, one after the other:
 * some 40 ms (measured, 1.5.9). What is read beside the announcements, and is over in less, has missed none.
 */
const SOONEST_CHANGE: Millis = 10
/** Of the index at most, where some of what it finds does not count any more. */
const MOST_ASKED = 1000

/** What is searched: what is selected of a creator's records, as the server finds them. */
export interface NearestQuery extends CreatorQuery, VersionedCreator {
  /** Whether one of the creator's records is selected. Absent when only the server can tell. */
  accepts?: (record: StoredRecord) => boolean
}

/** What was read beside others' writes. */
interface Settled<Kind> {
  /** Records that came. */
  read: number
  versions: CurrentVersions
  /** Whether they are others than they were before. */
  isChanged: boolean
  /** Those that counted before and afterwards. */
  counting: Kind[]
  /** What is selected now of the documents that changed meanwhile. */
  changed: StoredRecord[]
}

interface IndexAnswer extends Pick<Settled<StoredRecord>, 'versions' | 'isChanged'> {
  nearest: Ranked<StoredRecord>[]
}

/** Asks Chroma's index, beside which others write, and which does not find everything. */
export class IndexSearch {
  readonly #versions = new DocumentVersions()
  readonly #unreachable = new UnreachableRecords()
  /** Whether the last reading was over sooner than anything can change. */
  #isQuick = true

  /** The versions of the creator's documents as they are now. */
  versions(of: VersionedCreator, signal?: AbortSignal): Promise<CurrentVersions> {
    return this.#versions.current(of, signal)
  }

  /** Undefined when documents changed so much meanwhile that it is to be asked again. */
  async find(
    searched: NearestQuery,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<IndexAnswer | undefined> {
    const { records, where } = searched
    for (let asked = count; ; asked = Math.min(2 * asked, MOST_ASKED)) {
      const options = { count: asked, include: STORED }
      const read = () => records.query(where, vector, options, signal)
      const found = await this.settled(searched, read, signal)
      if (found === undefined) return undefined
      const isAll = found.read < asked || asked === MOST_ASKED
      if (found.counting.length < count && !isAll) continue
      const missed = await this.#missed(searched, found.versions, vector, signal)
      const beside = rank([...found.changed, ...missed], vector, count)
      const all = new Map([...found.counting, ...beside].map(record => [record.id, record]))
      const { versions, isChanged } = found
      return { nearest: byDistance([...all.values()]).slice(0, count), versions, isChanged }
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

  /** Reads beside others' writes. Undefined when much changed meanwhile, or changed once more. */
  async settled<Kind extends StoredRecord>(
    searched: NearestQuery,
    read: () => Promise<Kind[]>,
    signal?: AbortSignal,
  ): Promise<Settled<Kind> | undefined> {
    const known = this.#versions.known(searched)
    if (known !== undefined) return this.#settledSince(known, searched, read, signal)
    const [first, found] = await Promise.all([this.#versions.read(searched, signal), read()])
    const now = await this.#versions.current(searched, signal)
    // What was read side by side belongs together only when nothing was written meanwhile.
    return now === first
      ? settledBetween(searched, found, first, now)
      : this.#settledSince(now, searched, read, signal)
  }

  async #settledSince<Kind extends StoredRecord>(
    before: CurrentVersions,
    searched: NearestQuery,
    read: () => Promise<Kind[]>,
    signal: AbortSignal | undefined,
  ): Promise<Settled<Kind> | undefined> {
    const { records, creator, where } = searched
    const started = performance.now()
    const [beside, found] = await Promise.all([
      this.#isQuick ? this.#versions.current(searched, signal) : undefined,
      read(),
    ])
    this.#isQuick = performance.now() - started < SOONEST_CHANGE
    const isOverSooner = beside === before && this.#isQuick
    const after = isOverSooner ? beside : await this.#versions.current(searched, signal)
    if (after === before) return settledBetween(searched, found, before, after)
    const ids = after.chunkIds(creator, before)
    if (ids.length > MOST_ASKED) return undefined
    const changed = ids.length === 0 ? [] : await records.get(where, { ids, include: ALL }, signal)
    const whole = CurrentVersions.among(changed.map(({ id }) => id))
    if (!changed.every(({ id }) => whole.has(id))) return undefined
    // What did not come is not selected, or was replaced once more.
    if (changed.length < ids.length) {
      const now = await this.#versions.current(searched, signal)
      if (!now.equals(after)) return undefined
    }
    return settledBetween(searched, found, before, after, changed)
  }
}

/**
 * What was read between two looks at the versions.
 * @param changed what is selected of the documents that are others than they were
 */
const settledBetween = <Kind extends StoredRecord>(
  { records, creator }: NearestQuery,
  found: readonly Kind[],
  before: CurrentVersions,
  after: CurrentVersions,
  changed: readonly StoredRecord[] = [],
): Settled<Kind> => ({
  read: found.length,
  versions: after,
  isChanged: !after.equals(before),
  counting: ownRecords(
    records,
    creator,
    found.filter(({ id }) => before.has(id) && after.has(id)),
  ),
  changed: ownRecords(records, creator, changed),
})
