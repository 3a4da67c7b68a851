import { ChromaClient, type Collection, type Metadata } from 'chromadb'
import { collectionOf, databaseOf, shardOf } from '../../../infra/shards.ts'
import type { Population } from './population.ts'

const BATCH = 200
/** Records that are read at once. */
const PAGE = 1000

/** The same data and questions through the `chromadb` client alone: no scope, no checks, records of its own making. */
export class Bare {
  readonly #population: Population
  readonly #shards: Collection[]
  readonly #client: ChromaClient

  private constructor(client: ChromaClient, population: Population, shards: Collection[]) {
    this.#client = client
    this.#population = population
    this.#shards = shards
  }

  /** A store of the client's own, on a server of its own. */
  static async make(url: string, shards: number, population: Population): Promise<Bare> {
    const client = clientOf(url)
    const names = Array.from({ length: shards }, (_, shard) => collectionOf(shard))
    const configuration = { hnsw: { space: 'cosine' as const } }
    const make = (name: string) =>
      client.createCollection({ name, configuration, embeddingFunction: null })
    return new Bare(client, population, await Promise.all(names.map(make)))
  }

  /** The client on what the store has written. */
  static async open(url: string, shards: number, population: Population): Promise<Bare> {
    const client = clientOf(url, databaseOf(1))
    const names = Array.from({ length: shards }, (_, shard) => collectionOf(shard))
    const open = (name: string) => client.getCollection({ name })
    return new Bare(client, population, await Promise.all(names.map(open)))
  }

  /** Puts creators in: batches of a shard one after another, the shards at the same time, as the store does. */
  async put(creators: readonly Made[]): Promise<void> {
    const records = this.#shards.map((): Written[] => [])
    for (const { id, records: own } of creators) records[this.#of(id)]!.push(...own)
    await Promise.all(
      records.map(async (all, shard) => {
        for (let start = 0; start < all.length; start += BATCH) {
          const batch = all.slice(start, start + BATCH)
          await this.#shards[shard]!.add({
            ids: batch.map(({ id }) => id),
            embeddings: batch.map(({ vector }) => vector),
            documents: batch.map(({ text }) => text),
            metadatas: batch.map(({ metadata }) => metadata),
          })
        }
      }),
    )
  }

  /** Reads all that there is, one shard after another. @returns records */
  async readAll(): Promise<number> {
    let records = 0
    for (const shard of this.#shards) {
      for (let offset = 0; ; offset += PAGE) {
        const include = ['metadatas' as const, 'documents' as const, 'embeddings' as const]
        const { ids } = await shard.get({ offset, limit: PAGE, include })
        records += ids.length
        if (ids.length < PAGE) break
      }
    }
    return records
  }

  /** Takes its own collections away. */
  async drop(): Promise<void> {
    for (const { name } of this.#shards) await this.#client.deleteCollection({ name })
  }

  /** What to put in of a creator. */
  made(creator: number): Made {
    const id = this.#population.id(creator)
    const records = this.#population.documents(creator).flatMap(document => {
      const chunks = 'chunks' in document ? document.chunks : []
      return chunks.map(({ text, vector }, chunk) => ({
        id: `${id}/${document.id}/${chunk}`,
        text,
        vector,
        metadata: {
          creator_id: id,
          document_id: document.id,
          chunk_index: chunk,
          created_at: Date.now(),
          ...document.metadata,
        },
      }))
    })
    return { id, records }
  }

  /** @returns the texts of the nearest, nearest first */
  async query(id: string, vector: number[], count: number): Promise<string[]> {
    const found = await this.#shards[this.#of(id)]!.query({
      queryEmbeddings: [vector],
      nResults: count,
      where: { creator_id: { $eq: id } },
      include: ['metadatas', 'documents', 'distances'],
    })
    return found.documents[0]!.map(text => text ?? '')
  }

  #of(id: string): number {
    return shardOf(id, this.#shards.length)
  }
}

interface Written {
  id: string
  text: string
  vector: number[]
  metadata: Metadata
}

export interface Made {
  id: string
  records: Written[]
}

function clientOf(url: string, database?: string): ChromaClient {
  const { hostname, port } = new URL(url)
  return new ChromaClient({ host: hostname, port: Number(port), ...(database && { database }) })
}
