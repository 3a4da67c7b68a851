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
/** The creators of a server share so many. */
const MARKS = 4096
/** Renewed in place of more than `FEW` others: it is a part of everybody's mark. */
const EVERYBODY = 'everybody'
const FEW = 64
const ANY: Where = { kind: { $eq: 'mark' } }
/** Another process may make them at any time. */
const ABSENT_FOR: Millis = seconds(10)

/** The marks of a server's creators at one time; undefined for a creator without one. */
export type Snapshot = (creator: CreatorId) => string | undefined

/** What a server answered: the values of its marks by their names. */
interface Seen {
  /** Of their collection. */
  path: string
  values: Map<string, string>
}

interface Request {
  names: Set<string>
  answer: Promise<Seen | undefined>
}

/** Tells whether a creator's records may have changed. */
export interface Mark {
  /** As last heard of, which may be long ago; undefined when the creator has none. */
  last(signal?: AbortSignal): Promise<string | undefined>
  /** As it is now. */
  read(): Promise<string | undefined>
  /** All of the creator's server, as they are now. */
  readAll(signal?: AbortSignal): Promise<Snapshot>
}

/**
 * Marks by which a reader knows that a creator's records are those it has seen. Whoever writes renews the marks of
 * the creators it wrote, after what it wrote is in and before it says so. So who knows a mark, then reads the
 * records, and later finds the mark the same, has missed no write that was acknowledged, by whichever process.
 *
 * They lie in a collection of their own on each server, as records of one dimension. The verification's creators have
 * none, since it must leave a live store as it was.
 */
export class Marks {
  readonly #servers: readonly ChromaServer[]
  readonly #database: string
  readonly #open = new Map<ChromaServer, ChromaCollection>()
  readonly #absent = new LRUCache<ChromaServer, true>({ max: 1000, ttl: ABSENT_FOR })
  /** Of each server that was asked. What comes late may be older than what it takes the place of. */
  readonly #last = new Map<ChromaServer, Seen>()
  /** Of each server the request for marks that is sent when the one before it is answered. */
  readonly #next = new Map<ChromaServer, Request>()
  readonly #answered = new Map<ChromaServer, Promise<unknown>>()

  constructor(servers: readonly ChromaServer[], database: string) {
    this.#servers = servers
    this.#database = database
  }

  /** @param instance index of the creator's server, as everywhere here */
  of(instance: number, creator: CreatorId): Mark {
    const server = this.#servers[instance]!
    return {
      last: async signal => {
        const seen = this.#last.get(server) ?? (await this.#read(server, undefined, signal))
        return markOf(seen, creator)
      },
      read: async () => markOf(await this.#readOne(server, nameOf(creator)), creator),
      readAll: async signal => {
        const seen = await this.#read(server, undefined, signal)
        return other => markOf(seen, other)
      },
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
    const fresh = [...(names.size > FEW ? [EVERYBODY] : names)].map(id => ({
      id,
      metadata: { kind: 'mark', value: randomUUID() },
      text: '',
      vector: [1],
    }))
    const known = await this.#lookUp(server)
    try {
      await (known ?? (await this.#make(server))).upsert(fresh)
    } catch (error) {
      if (!isMissing(error)) throw error
      await (await this.#make(server)).upsert(fresh)
    }
  }

  /** Those who ask while a request is under way share the next: one that was sent earlier might miss a write. */
  #readOne(server: ChromaServer, name: string): Promise<Seen | undefined> {
    const waiting = this.#next.get(server)
    if (waiting !== undefined && waiting.names.size < FEW) {
      waiting.names.add(name)
      return waiting.answer
    }
    const names = new Set([EVERYBODY, name])
    const before = this.#answered.get(server) ?? Promise.resolve()
    const answer = before.then(() => {
      if (this.#next.get(server)?.names === names) this.#next.delete(server)
      return this.#read(server, [...names], undefined)
    })
    this.#next.set(server, { names, answer })
    this.#answered.set(
      server,
      answer.catch(() => undefined),
    )
    return answer
  }

  /** @param names of the marks to read; all when absent */
  async #read(
    server: ChromaServer,
    names: string[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Seen | undefined> {
    const marks = await this.#lookUp(server, signal)
    if (marks === undefined) return undefined
    try {
      const options = { ...(names && { ids: names }), include: ['metadatas' as const] }
      const found = await marks.get(ANY, options, signal)
      const values = new Map(found.map(({ id, metadata }) => [id, String(metadata?.value)]))
      const last = this.#last.get(server)
      if (last?.path === marks.path) for (const [id, value] of values) last.values.set(id, value)
      else this.#last.set(server, { path: marks.path, values: new Map(values) })
      return { path: marks.path, values }
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#open.delete(server)
      this.#last.delete(server)
      return undefined
    }
  }

  async #lookUp(
    server: ChromaServer,
    signal?: AbortSignal | undefined,
  ): Promise<ChromaCollection | undefined> {
    const known = this.#open.get(server)
    if (known !== undefined || this.#absent.has(server)) return known
    const info = await server.findCollection(this.#database, COLLECTION, signal)
    if (info !== undefined) return this.#remember(server, info.id)
    this.#absent.set(server, true)
    return undefined
  }

  async #make(server: ChromaServer): Promise<ChromaCollection> {
    const settings = { space: SPACE, metadata: { marks: MARKS } } as const
    const info = await server.ensureCollection(this.#database, COLLECTION, settings)
    return this.#remember(server, info.id)
  }

  #remember(server: ChromaServer, id: string): ChromaCollection {
    const marks = server.records(this.#database, id)
    this.#open.set(server, marks)
    this.#absent.delete(server)
    return marks
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof ServerError && error.reason === 'missing'

/** One that nobody wrote yet is a mark too. The collection's path tells it from that of an earlier collection. */
function markOf(seen: Seen | undefined, creator: CreatorId): string | undefined {
  if (seen === undefined || isReserved(creator)) return undefined
  const { path, values } = seen
  return [path, values.get(EVERYBODY), values.get(nameOf(creator))].join(' ')
}

/** By another hash than the shard's, or the creators of one shard would share a few of them. */
const nameOf = (creator: CreatorId): string => `${shardOf(`mark of ${creator}`, MARKS)}`
