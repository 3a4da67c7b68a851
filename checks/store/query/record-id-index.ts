import { LRUCache } from 'lru-cache'
import type { ChromaCollection } from '../../chroma/collection.ts'
import type { CreatorId } from '../creator-id.ts'
import { CurrentVersions } from '../records/current-versions.ts'
import { creatorOf } from '../records/record-id.ts'
import { INDEX_UNITS, INDEXED_SHARDS, REMEMBERED } from './cache-limits.ts'
import type { VersionSnapshot } from './write-version-store.ts'
import type { WriteVersion } from './write-versions.ts'

/** An id with its place in a list, as if it were so much longer. */
const PLACE = 32
/** Listed by one request, usually 10 MB, or not at all: between two, what others delete would shift what is left. */
const LARGEST_SHARD = 200_000
/** Listing a shard takes as long as some tens of questions. */
const ASKED_BEFORE = 20

/** What a creator had when its shard was listed, and its version before that. */
export interface IndexedIds {
  version: string
  ids: readonly string[] | 'many'
}

interface ShardIndex {
  versions: VersionSnapshot | undefined
  creators: ReadonlyMap<string, IndexedIds['ids']>
  /** What it holds, as INDEX_UNITS counts it. */
  size: number
}

const NONE: readonly string[] = []

/**
 * Which records creators have. Chroma looks through a whole shard for what a filter matches, and finds records by
 * their ids at once; so the ids of a shard that is much asked are listed, beside the questions, and a creator's are
 * complete as long as its version is what it was.
 */
export class RecordIdIndex {
  /** Ids that are held of one creator. */
  readonly #most: number
  readonly #shards = new LRUCache<string, ShardIndex>({
    ...REMEMBERED,
    maxSize: INDEX_UNITS,
    sizeCalculation: ({ size }) => size,
  })
  /** Questions about shards that are not listed. */
  readonly #asked = new LRUCache<string, number>({ max: INDEXED_SHARDS })
  /** The listings, one after another: each is the largest answer that there is. */
  #turn: Promise<void> = Promise.resolve()
  /** Shards whose turn it was not long ago, also if that failed or they were too large. */
  readonly #tried = new LRUCache<string, true>({ max: INDEXED_SHARDS, ...REMEMBERED })

  constructor(most: number) {
    this.#most = most
  }

  /** @returns undefined while it is not known */
  find(
    records: ChromaCollection,
    creator: CreatorId,
    version: WriteVersion,
  ): IndexedIds | undefined {
    const listing = this.#shards.get(records.path)
    if (listing === undefined) {
      this.#ask(records, version)
      return undefined
    }
    const then = version.in(listing.versions)
    if (then === undefined) return undefined
    return { version: then, ids: listing.creators.get(creator) ?? NONE }
  }

  #ask(records: ChromaCollection, version: WriteVersion): void {
    const { path } = records
    const asked = 1 + (this.#asked.get(path) ?? 0)
    this.#asked.set(path, asked)
    if (asked < ASKED_BEFORE || this.#tried.has(path)) return
    this.#asked.delete(path)
    this.#tried.set(path, true)
    // Nobody waits for it: without it there is the other way.
    this.#turn = this.#turn.then(() => this.#list(records, version)).catch(() => undefined)
  }

  async #list(records: ChromaCollection, version: WriteVersion): Promise<void> {
    // The versions come before the ids: what is written in between is seen as a change.
    const versions = await version.currentAll()
    const all = await records.ids(0, LARGEST_SHARD + 1)
    if (all.length > LARGEST_SHARD) return
    const creators = new Map<string, IndexedIds['ids']>()
    let size = 1
    for (const [creator, ids] of Map.groupBy(all, creatorOf)) {
      if (creator === undefined) continue
      const versions = CurrentVersions.among(ids)
      const current = ids.filter(id => versions.has(id))
      const isMuch = current.length > this.#most
      creators.set(creator, isMuch ? 'many' : current)
      size += PLACE + (isMuch ? 0 : current.reduce((sum, id) => sum + id.length + PLACE, 0))
    }
    this.#shards.set(records.path, { versions, creators, size })
  }
}
