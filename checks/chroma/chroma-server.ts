import { z } from 'zod'
import { type Millis, seconds } from '../../infra/units.ts'
import type { Call, Connection } from '../transport/connection.ts'
import { raceAbort } from '../transport/race-abort.ts'
import { isMissing, ServerError, type ServerErrorReason } from '../transport/server-error.ts'
import { ChromaCollection } from './collection.ts'
import type { Disk } from './disk-room.ts'

/** The one tenant in use: Chroma's tenants are no boundary (facts: a collection answers to its UUID under any). */
export const TENANT = 'default_tenant'

const DEADLINE: Millis = seconds(10)
/** A list this long is asked for at once; no database of this project holds near as many. */
const LIST_LIMIT = 1000

/** How a request ends whose server is not there. */
const AWAY: ReadonlySet<ServerErrorReason> = new Set(['unreachable', 'late'])

const Scalar = z.union([z.string(), z.number(), z.boolean()])

export const CollectionInfo = z.object({
  id: z.uuid(),
  name: z.string(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  /** Null until the first vector is in. */
  dimension: z.int().nullable(),
  configuration_json: z.object({ hnsw: z.object({ space: z.string() }).nullish() }),
})
export type CollectionInfo = z.infer<typeof CollectionInfo>

export type CollectionMetadata = Record<string, z.infer<typeof Scalar>>

const Database = z.object({ name: z.string() })
const Preflight = z.object({ max_batch_size: z.int().positive() })

/**
 * One Chroma server over its HTTP interface.
 *
 * The `chromadb` client is not used here: it has no deadline for a single call, turns every failed request
 * into an error without a cause, and drops null and undefined metadata in silence. The check
 * chroma-round-trip uses it, so that what applications use is proved too.
 */
export class ChromaServer {
  readonly connection: Connection
  /** Undefined where nobody tells. */
  readonly disk: Disk | undefined
  #maxBatch: Promise<number> | undefined

  constructor(connection: Connection, disk?: Disk) {
    this.connection = connection
    this.disk = disk
  }

  /**
   * Everything that writes goes through this: a write that meets a full disk does harm that lasts (CHROMA_RESERVE).
   * @throws ServerError `full` before anything is sent
   */
  async write<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    call: Call,
  ): Promise<z.output<Schema>> {
    const { disk } = this
    let isSent = false
    const before = async () => {
      if (disk?.beforeWrites) await disk.requireRoom()
      isSent = true
    }
    try {
      return await this.connection.json(path, schema, { ...call, before })
    } catch (error) {
      if (isSent) await disk?.failed(error).catch(() => undefined)
      throw error
    }
  }

  /**
   * A server whose disk has filled is away for a moment, to be started again.
   * @throws ServerError `full` when that is why somebody who was to write has failed
   */
  async explainAbsence(error: unknown): Promise<void> {
    const isAway = error instanceof ServerError && AWAY.has(error.reason)
    if (!isAway || this.disk === undefined) return
    await this.disk.requireRoom().catch(why => {
      if (why instanceof ServerError && why.reason === 'full') throw why
    })
  }

  /** Records that one request may carry. Asked for once, by whom that is for all. */
  maxBatch(signal?: AbortSignal): Promise<number> {
    this.#maxBatch ??= this.#get('/api/v2/pre-flight-checks', Preflight, undefined).then(
      answer => answer.max_batch_size,
      error => {
        this.#maxBatch = undefined
        throw error
      },
    )
    return raceAbort(this.#maxBatch, signal)
  }

  async databases(signal?: AbortSignal): Promise<string[]> {
    const path = `/api/v2/tenants/${TENANT}/databases?limit=${LIST_LIMIT}`
    return (await this.#get(path, z.array(Database), signal)).map(database => database.name)
  }

  /** Makes a database where there is none of this name. */
  async ensureDatabase(name: string, signal?: AbortSignal): Promise<void> {
    const path = `/api/v2/tenants/${TENANT}/databases`
    try {
      await this.write(path, z.unknown(), making({ name }, signal))
    } catch (error) {
      // 409: it is there, or another process was faster.
      if (!(error instanceof ServerError && error.reason === 'rejected')) throw error
      if (!(await this.databases(signal)).includes(name)) throw error
    }
  }

  /** Deletes a database with its collections; does nothing when there is none of this name. */
  async deleteDatabase(name: string, signal?: AbortSignal): Promise<void> {
    const call = { method: 'DELETE', deadline: DEADLINE, repeatable: true, signal } as const
    await orUndefined(this.write(databasePath(name), z.unknown(), call))
  }

  /** Deletes a collection; does nothing when there is none of this name. */
  async deleteCollection(database: string, name: string, signal?: AbortSignal): Promise<void> {
    const call = { method: 'DELETE', deadline: DEADLINE, repeatable: true, signal } as const
    const path = `${databasePath(database)}/collections/${encodeURIComponent(name)}`
    await orUndefined(this.write(path, z.unknown(), call))
  }

  /** The collections of a database; none when the database does not exist. */
  async collections(database: string, signal?: AbortSignal): Promise<CollectionInfo[]> {
    const path = `${databasePath(database)}/collections?limit=${LIST_LIMIT}`
    return this.#get(path, z.array(CollectionInfo), signal)
  }

  async findCollection(
    database: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<CollectionInfo | undefined> {
    const path = `${databasePath(database)}/collections/${encodeURIComponent(name)}`
    return orUndefined(this.#get(path, CollectionInfo, signal))
  }

  /**
   * The collection of this name, made when there is none. One that exists keeps its own settings, whatever is
   * given here (facts), so the caller compares what comes back.
   */
  async ensureCollection(
    database: string,
    name: string,
    settings: { space: 'cosine'; metadata: CollectionMetadata },
    signal?: AbortSignal,
  ): Promise<CollectionInfo> {
    const body = {
      name,
      get_or_create: true,
      metadata: settings.metadata,
      configuration: { hnsw: { space: settings.space } },
    }
    const path = `${databasePath(database)}/collections`
    return this.write(path, CollectionInfo, making(body, signal))
  }

  /** The records of a collection, addressed by its UUID. */
  records(database: string, id: string): ChromaCollection {
    return new ChromaCollection(this, `${databasePath(database)}/collections/${id}`)
  }

  /** Whether a collection is found by its UUID under this tenant and database. Reads no record. */
  async isFoundUnder(
    { tenant, database }: { tenant: string; database: string },
    id: string,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const path = `/api/v2/tenants/${tenant}/databases/${database}/collections/${id}/count`
    return (await orUndefined(this.#get(path, z.int().nonnegative(), signal))) !== undefined
  }

  #get<Schema extends z.ZodType>(path: string, schema: Schema, signal: AbortSignal | undefined) {
    return this.connection.json(path, schema, { deadline: DEADLINE, repeatable: true, signal })
  }
}

const making = (body: unknown, signal: AbortSignal | undefined): Call => ({
  method: 'POST',
  body,
  deadline: DEADLINE,
  repeatable: true,
  signal,
})

const databasePath = (database: string): string =>
  `/api/v2/tenants/${TENANT}/databases/${encodeURIComponent(database)}`

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
