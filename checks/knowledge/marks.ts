import { randomUUID } from 'node:crypto'
import type { Where } from 'chromadb'
import { LRUCache } from 'lru-cache'
import { shardOf } from '../../infra/shards.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { ChromaServer } from '../chroma/server.ts'
import { ServerError } from '../transport/server-error.ts'
import { type CreatorId, isReserved } from './creator-id.ts'
import { SPACE } from './shard-settings.ts'

const COLLECTION = 'knowledge_marks'
/** The creators of a server share so many marks: few enough to be read and renewed in one request. */
const MARKS = 256
const VALUE = 'mark'
const ANY: Where = { kind: { $eq: 'mark' } }
/** Another process may make them at any time. */
const ABSENT_FOR: Millis = seconds(10)

/** Tells whether a creator's records may have changed. */
export interface Mark {
  /** As last heard of, which may be long ago; undefined when the creator has none. */
  last(signal?: AbortSignal): Promise<string | undefined>
  /** As it is now. */
  read(signal?: AbortSignal): Promise<string | undefined>
}

/**
 * Marks by which a reader knows that a creator's records are those it has seen. Whoever writes renews the mark of
 * the creators it wrote, after what it wrote is in and before it says so. So who knows a mark, then reads the
 * records, and later finds the mark the same, has missed no write that was acknowledged, by whichever process.
 *
 * They lie in a collection of their own on each server, as records of one dimension: about 0.1 MB. The verification's
 * creators have none, since it must leave a live store as it was.
 */
export class Marks {
  readonly #servers: readonly ChromaServer[]
  readonly #database: string
  readonly #open = new Map<ChromaServer, ChromaCollection>()
  readonly #absent = new LRUCache<ChromaServer, true>({ max: 1000, ttl: ABSENT_FOR })
  readonly #last = new Map<ChromaServer, Map<string, string>>()

  constructor(servers: readonly ChromaServer[], database: string) {
    this.#servers = servers
    this.#database = database
  }

  /** @param instance index of the creator's server, as everywhere here */
  of(instance: number, creator: CreatorId): Mark {
    const server = this.#servers[instance]!
    const name = nameOf(creator)
    if (isReserved(creator)) return { last: NONE, read: NONE }
    return {
      last: async signal => {
        if (!this.#last.has(server)) await this.#read(server, undefined, signal)
        return this.#last.get(server)?.get(name)
      },
      read: async signal => (await this.#read(server, [name], signal)).get(name),
    }
  }

  /**
   * Lets a write end, and gives the creators of a server other marks before it is said that it has. Also after one
   * that failed or was given up, since some of it may be in.
   */
  async after<T>(
    write: Promise<T>,
    written: ReadonlyMap<number, readonly CreatorId[]>,
  ): Promise<T> {
    const renewed = async () => {
      await Promise.all([...written].map(([instance, some]) => this.#renew(instance, some)))
    }
    const result = await write.catch(async error => {
      await renewed().catch(() => undefined)
      throw error
    })
    await renewed()
    return result
  }

  async #renew(instance: number, creators: readonly CreatorId[]): Promise<void> {
    const server = this.#servers[instance]!
    const names = new Set(creators.filter(creator => !isReserved(creator)).map(nameOf))
    if (names.size === 0) return
    const fresh = [...names].map(id => ({ id, metadata: { [VALUE]: randomUUID() } }))
    const made = await this.#lookUp(server, undefined)
    if (made === undefined) return this.#make(server)
    try {
      await made.update(fresh)
    } catch (error) {
      if (!(error instanceof ServerError && error.reason === 'missing')) throw error
      await this.#make(server)
    }
  }

  async #read(
    server: ChromaServer,
    names: string[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, string>> {
    const marks = await this.#lookUp(server, signal)
    if (marks === undefined) return new Map()
    const found = await marks
      .get(ANY, { ...(names && { ids: names }), include: ['metadatas'] }, signal)
      .catch((error): [] => {
        if (!(error instanceof ServerError && error.reason === 'missing')) throw error
        this.#open.delete(server)
        return []
      })
    const now = new Map(found.map(({ id, metadata }) => [id, String(metadata?.[VALUE])]))
    this.#last.set(server, new Map([...(this.#last.get(server) ?? []), ...now]))
    return now
  }

  async #lookUp(
    server: ChromaServer,
    signal: AbortSignal | undefined,
  ): Promise<ChromaCollection | undefined> {
    const known = this.#open.get(server)
    if (known !== undefined || this.#absent.has(server)) return known
    const info = await server.findCollection(this.#database, COLLECTION, signal)
    if (info === undefined) {
      this.#absent.set(server, true)
      return undefined
    }
    return this.#remember(server, info.id)
  }

  /** All of them anew: what anybody knew of earlier ones holds no more. */
  async #make(server: ChromaServer): Promise<void> {
    const settings = { space: SPACE, metadata: { marks: MARKS } } as const
    const info = await server.ensureCollection(this.#database, COLLECTION, settings)
    const records = Array.from({ length: MARKS }, (_, number) => ({
      id: `${number}`,
      metadata: { kind: 'mark', [VALUE]: randomUUID() },
      text: '',
      vector: [1],
    }))
    await this.#remember(server, info.id).upsert(records)
  }

  #remember(server: ChromaServer, id: string): ChromaCollection {
    const marks = server.records(this.#database, id)
    this.#open.set(server, marks)
    this.#absent.delete(server)
    return marks
  }
}

const NONE = async () => undefined

/** By another hash than the shard's, or the creators of one shard would share a few of them. */
const nameOf = (creator: CreatorId): string => `${shardOf(`mark of ${creator}`, MARKS)}`
