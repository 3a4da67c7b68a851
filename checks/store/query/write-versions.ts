import { randomUUID } from 'node:crypto'
import { shardOf } from '../../../infra/shards.ts'
import { raceAbort } from '../../transport/race-abort.ts'
import { type CreatorId, isReserved } from '../creator-id.ts'
import type { Announcement, VersionSnapshot, VersionStore } from './write-version-store.ts'

/** The creators of a server share so many. */
const VERSIONS = 4096
/** Renewed in place of many others: it is a part of everybody's. */
const EVERYBODY = 'everybody'
/**
 * Each costs Chroma 0.6 ms, less than half of what a chunk does (measured, 1.5.9: 30 ms for one, 92 for 100). The
 * version of everybody makes all that is listed old, so that questions take three times as long for some minutes.
 */
const MOST_BUMPED = 500

/** Tells whether a creator's records may have changed. */
export interface WriteVersion {
  /** As last heard of, which may be long ago; undefined when the creator has none, or is being written. */
  cached(signal?: AbortSignal): Promise<string | undefined>
  /** As it is now. */
  current(signal?: AbortSignal): Promise<string | undefined>
  /** All of the creator's server, as they are now. */
  currentAll(): Promise<VersionSnapshot | undefined>
  /** As it was when these were read. */
  in(seen: VersionSnapshot | undefined): string | undefined
}

/**
 * Write versions by which a reader knows that a creator's records are those it has seen. Whoever writes gives the
 * versions of the creators it writes other values, before its first byte and after its last. So who knows a version,
 * then reads the records, and later finds the version the same, has missed no write, by whichever process; and what was
 * read while one was under way is kept by nobody, also if the writer is killed.
 *
 * The verification's creators have none, since it must leave a live store as it was.
 */
export class WriteVersions {
  readonly #storeOf: (creator: CreatorId) => VersionStore

  /** @param storeOf the versions that a creator's is among, which stay there wherever its records are moved to */
  constructor(storeOf: (creator: CreatorId) => VersionStore) {
    this.#storeOf = storeOf
  }

  of(creator: CreatorId): WriteVersion {
    const store = this.#storeOf(creator)
    const names = [EVERYBODY, nameOf(creator)]
    const versionIn: WriteVersion['in'] = seen => {
      if (seen === undefined || isReserved(creator)) return undefined
      if (names.some(name => seen.writing.get(name)?.size)) return undefined
      // One that nobody wrote yet is a version too.
      return [seen.path, ...names.map(name => seen.values.get(name))].join(' ')
    }
    return {
      cached: async signal => versionIn(await store.cached(signal)),
      current: async signal => versionIn(await raceAbort(store.readTogether(names), signal)),
      currentAll: () => store.read(),
      in: versionIn,
    }
  }

  /** Whether a creator may have been written between two looks, or since it has versions at all. */
  changed(
    creator: CreatorId,
    before: VersionSnapshot | undefined,
    after: VersionSnapshot | undefined,
  ): boolean {
    const version = this.of(creator)
    const now = version.in(after)
    return now === undefined || now !== version.in(before)
  }

  /**
   * Writes, and tells whoever has read the creators' records that they may be others: before the first byte, and after
   * the last, also of a write that failed, since some of it may be in.
   * @param write waits for `announced` before it sends its first byte
   */
  async during<T>(
    creators: readonly CreatorId[],
    write: (announced: Promise<void>) => Promise<T>,
  ): Promise<T> {
    const announcements = this.#announcementsOf(creators)
    const announced = all(announcements.map(({ store, of }) => store.begin(of)))
    try {
      const [result] = await Promise.all([write(announced), announced])
      return result
    } finally {
      await announced.catch(() => undefined)
      await all(announcements.map(({ store, of }) => store.end(of)))
    }
  }

  #announcementsOf(creators: readonly CreatorId[]): { store: VersionStore; of: Announcement }[] {
    const versioned = creators.filter(creator => !isReserved(creator))
    return [...Map.groupBy(versioned, this.#storeOf)].map(([store, own]) => {
      const few = new Set(own.map(nameOf))
      const names = few.size > MOST_BUMPED ? [EVERYBODY] : [...few]
      return { store, of: { names, ids: names.map(name => `${name} ${randomUUID()}`) } }
    })
  }
}

const all = async (work: Promise<void>[]): Promise<void> => {
  await Promise.all(work)
}

/** By another hash than the shard's, or the creators of one shard would share a few of them. */
const nameOf = (creator: CreatorId): string => `${shardOf(`mark of ${creator}`, VERSIONS)}`
