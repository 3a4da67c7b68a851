import { shardOf } from '../../infra/shards.ts'
import type { ChromaServer } from '../chroma/server.ts'
import { unlessAborted } from '../transport/unless-aborted.ts'
import { type CreatorId, isReserved } from './creator-id.ts'
import { type Seen, ServerMarks } from './server-marks.ts'
import type { Shards } from './shards.ts'

/** The creators of a server share so many. */
const MARKS = 4096
/** Renewed in place of many others: it is a part of everybody's. */
const EVERYBODY = 'everybody'
/**
 * Each costs Chroma 0.6 ms, less than half of what a chunk does (measured, 1.5.9: 30 ms for one, 92 for 100). The
 * mark of everybody makes all that is listed old, so that questions take three times as long for some minutes.
 */
const MOST_RENEWED = 500

/** The marks of a server's creators at one time; undefined for a creator without one. */
export type Snapshot = (creator: CreatorId) => string | undefined

/** Tells whether a creator's records may have changed. */
export interface Mark {
  /** As last heard of, which may be long ago; undefined when the creator has none. */
  last(signal?: AbortSignal): Promise<string | undefined>
  /** As it is now. */
  read(signal?: AbortSignal): Promise<string | undefined>
  /** All of the creator's server, as they are now. */
  readAll(): Promise<Snapshot>
}

/**
 * Marks by which a reader knows that a creator's records are those it has seen. Whoever writes renews the marks of
 * the creators it wrote, after what it wrote is in and before it says so. So who knows a mark, then reads the
 * records, and later finds the mark the same, has missed no write that was acknowledged, by whichever process.
 *
 * The verification's creators have none, since it must leave a live store as it was.
 */
export class Marks {
  readonly #shards: Shards
  readonly #servers = new Map<ChromaServer, ServerMarks>()

  constructor(shards: Shards) {
    this.#shards = shards
  }

  of(creator: CreatorId): Mark {
    const server = this.#serverOf(creator)
    const names = [EVERYBODY, nameOf(creator)]
    return {
      last: async signal => markOf(await server.last(signal), creator),
      read: async signal =>
        markOf(await unlessAborted(server.readTogether(names), signal), creator),
      async readAll() {
        const seen = await server.read()
        return other => markOf(seen, other)
      },
    }
  }

  /**
   * Lets a write end, and gives the creators it is about other marks before it is said that it has. Also after one
   * that failed or was given up, since some of it may be in.
   */
  async after<T>(write: Promise<T>, creators: readonly CreatorId[]): Promise<T> {
    const result = await write.catch(async error => {
      await this.#renew(creators).catch(() => undefined)
      throw error
    })
    await this.#renew(creators)
    return result
  }

  async #renew(creators: readonly CreatorId[]): Promise<void> {
    const marked = creators.filter(creator => !isReserved(creator))
    const servers = Map.groupBy(marked, creator => this.#serverOf(creator))
    await Promise.all(
      [...servers].map(([server, own]) => {
        const names = new Set(own.map(nameOf))
        return server.renew(names.size > MOST_RENEWED ? [EVERYBODY] : [...names])
      }),
    )
  }

  #serverOf(creator: CreatorId): ServerMarks {
    const server = this.#shards.server(this.#shards.of(creator))
    const known = this.#servers.get(server) ?? new ServerMarks(server, this.#shards.database)
    this.#servers.set(server, known)
    return known
  }
}

/** One that nobody wrote yet is a mark too. */
function markOf(seen: Seen | undefined, creator: CreatorId): string | undefined {
  if (seen === undefined || isReserved(creator)) return undefined
  const { path, values } = seen
  return [path, values.get(EVERYBODY), values.get(nameOf(creator))].join(' ')
}

/** By another hash than the shard's, or the creators of one shard would share a few of them. */
const nameOf = (creator: CreatorId): string => `${shardOf(`mark of ${creator}`, MARKS)}`
