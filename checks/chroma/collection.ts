import type { Where } from 'chromadb'
import { z } from 'zod'
import { type Millis, seconds } from '../../infra/units.ts'
import type { Connection } from '../transport/connection.ts'
import { batchesOf } from './batches.ts'
import {
  Deleted,
  encode,
  Found,
  Got,
  type Include,
  type NewRecord,
  type StoredRecord,
  toRecords,
} from './chroma-records.ts'
import { retryTornRead, tornRead } from './torn-read.ts'

const READ_DEADLINE: Millis = seconds(15)
const WRITE_DEADLINE: Millis = seconds(60)
/** For what goes through a whole shard. */
const EXAMINATION_DEADLINE: Millis = seconds(60)
/** Ids that go into one request. */
const NAMED = 1000

/** What is wanted of the records that match, in the order in which they were first written. */
export interface GetOptions {
  include: Include[]
  limit?: number
  offset?: number
}

/** What a collection needs of its server. */
interface CollectionServer {
  connection: Connection
  write: Connection['json']
  /** Records that one request may carry. */
  maxBatch(signal?: AbortSignal): Promise<number>
}

/**
 * The records of one collection. Every method that touches more than named records takes a `where`, and none
 * has one that may be left out: to Chroma a missing filter means all records.
 */
export class ChromaCollection {
  readonly #server: CollectionServer
  /** Tells it from every other collection of its server, also from an earlier one of the same name. */
  readonly path: string

  constructor(server: CollectionServer, path: string) {
    this.#server = server
    this.path = path
  }

  /** What its server is, for messages. */
  get label(): string {
    return this.#server.connection.label
  }

  /** Records in the collection, of whichever creator. */
  async size(signal?: AbortSignal): Promise<number> {
    const call = { deadline: READ_DEADLINE, repeatable: true, signal }
    return this.#server.connection.json(`${this.path}/count`, z.int().nonnegative(), call)
  }

  async get(
    where: Where,
    options: GetOptions | { ids: string[]; include: Include[] },
    signal?: AbortSignal,
  ): Promise<StoredRecord[]> {
    const { include } = options
    const bodies =
      'ids' in options
        ? slices(options.ids, NAMED).map(ids => ({ ...among(ids, where), include }))
        : [{ where, ...options }]
    const got = bodies.map(body => this.#post('get', body, Got, READ_DEADLINE, signal))
    return (await Promise.all(got)).flatMap(toRecords)
  }

  /** Records of the collection in no particular order and of any creator, for the checks that look at samples. */
  async page(
    offset: number,
    limit: number,
    include: Include[],
    signal?: AbortSignal,
  ): Promise<StoredRecord[]> {
    const body = { offset, limit, include }
    return toRecords(await this.#post('get', body, Got, READ_DEADLINE, signal))
  }

  /** Ids of records of any creator, in the order in which they were first written. For the store's own use. */
  async ids(offset: number, limit: number, signal?: AbortSignal): Promise<string[]> {
    const body = { offset, limit, include: [] }
    return (await this.#post('get', body, Got, READ_DEADLINE, signal)).ids
  }

  /** The records nearest to a vector with their distances, as the server's index sees it. */
  async query(
    where: Where,
    vector: number[],
    options: { count: number; include: Include[] },
    signal?: AbortSignal,
  ): Promise<(StoredRecord & { distance: number })[]> {
    const body = {
      where,
      query_embeddings: [vector],
      n_results: options.count,
      include: [...options.include, 'distances'],
    }
    const found = await retryTornRead(async () => {
      const answer = await this.#send('query', body, Found, READ_DEADLINE, signal)
      if (answer.metadatas?.[0].includes(null)) throw tornRead(this.label)
      return answer
    })
    const records = toRecords({
      ids: found.ids[0],
      metadatas: found.metadatas?.[0],
      documents: found.documents?.[0],
      embeddings: found.embeddings?.[0],
    })
    return records.map((record, index) => ({ ...record, distance: found.distances[0][index]! }))
  }

  /**
   * Ids of all that the index finds of what a filter lets through, for who looks for damage: asked for as many as there
   * are, it gives what its links reach. Asked once, since what it cannot find stays so.
   * @param count records that the filter lets through, at least
   */
  async reachedIds(
    where: Where,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<string[]> {
    const body = { where, query_embeddings: [vector], n_results: count, include: ['distances'] }
    const found = await this.#send('query', body, Found, EXAMINATION_DEADLINE, signal)
    return found.ids[0]
  }

  /**
   * Those of the ids that are there, for who looks for damage. Asked once.
   * @throws ServerError `faulty` when the vector of one of them is lost
   */
  async idsWithVectors(where: Where, ids: string[], signal?: AbortSignal): Promise<string[]> {
    const body = { ...among(ids, where), include: ['embeddings'] }
    return (await this.#send('get', body, Got, EXAMINATION_DEADLINE, signal)).ids
  }

  /** Writes records, in as many requests as they need. An id that is taken is overwritten. */
  upsert(records: readonly NewRecord[], signal?: AbortSignal): Promise<void> {
    return this.#write('upsert', records, signal)
  }

  /** Writes records, in as many requests as they need. An id that is taken is left as it is, without a word. */
  add(records: readonly NewRecord[], signal?: AbortSignal): Promise<void> {
    return this.#write('add', records, signal)
  }

  async #write(
    operation: 'add' | 'upsert',
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    for (const batch of batchesOf(records, await this.#server.maxBatch(signal))) {
      const body = {
        ids: batch.map(record => record.id),
        embeddings: batch.map(record => encode(record.vector)),
        documents: batch.map(record => record.text),
        metadatas: batch.map(record => record.metadata),
      }
      await this.#post(operation, body, z.unknown(), WRITE_DEADLINE, signal)
    }
  }

  /** @returns how many records are gone */
  async delete(
    where: Where,
    ids: readonly string[] | undefined,
    signal?: AbortSignal,
  ): Promise<number> {
    if (ids === undefined) return this.#delete({ where }, signal)
    let gone = 0
    for (const part of slices(ids, NAMED)) {
      gone += await this.#delete(among(part, where), signal)
    }
    return gone
  }

  async #delete(body: object, signal: AbortSignal | undefined): Promise<number> {
    return (await this.#post('delete', body, Deleted, WRITE_DEADLINE, signal)).deleted
  }

  #post<Schema extends z.ZodType>(
    ...[operation, body, schema, deadline, signal]: Sent<Schema>
  ): Promise<z.output<Schema>> {
    return retryTornRead(() => this.#send(operation, body, schema, deadline, signal))
  }

  /** Every operation here does the same when it is repeated: ids are given, none is made by the server. */
  async #send<Schema extends z.ZodType>(
    ...[operation, body, schema, deadline, signal]: Sent<Schema>
  ): Promise<z.output<Schema>> {
    const writes = operation !== 'get' && operation !== 'query'
    const call = { method: 'POST', body, deadline, repeatable: true, writes, signal } as const
    const path = `${this.path}/${operation}`
    return writes
      ? this.#server.write(path, schema, call)
      : this.#server.connection.json(path, schema, call)
  }
}

type Sent<Schema> = [
  operation: 'get' | 'query' | 'add' | 'upsert' | 'delete',
  body: object,
  schema: Schema,
  deadline: Millis,
  signal: AbortSignal | undefined,
]

function slices<Item>(items: readonly Item[], length: number): Item[][] {
  const all: Item[][] = []
  for (let start = 0; start < items.length; start += length) {
    all.push(items.slice(start, start + length))
  }
  return all
}

/**
 * Those of the ids that the filter lets through. An alternative of one means the same as the filter alone, and keeps
 * SQLite from trying each of the ids with each of the filter's matches (measured, 1.5.9: 14 ms for 200 of 200, then
 * 0.3).
 */
const among = (ids: readonly string[], where: Where) => ({ ids, where: { $or: [where] } })
