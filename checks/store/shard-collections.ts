import { collectionOf, shardOf } from '../../infra/shards.ts'
import type { ChromaServer, CollectionInfo } from '../chroma/chroma-server.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { isMissing } from '../transport/server-error.ts'
import type { CreatorId } from './creator-id.ts'
import { refuseMismatch, type ShardSettings, SPACE } from './shard-metadata.ts'

/**
 * The shards of one generation: finds a creator's collection, makes it when something is first written to it,
 * and refuses one that was made for another deployment.
 */
export class ShardCollections {
  readonly settings: ShardSettings
  readonly database: string
  readonly #servers: readonly ChromaServer[]
  readonly #map: readonly number[]
  /** The collections that exist and were compared with the deployment, by shard. */
  readonly #open = new Map<number, ChromaCollection>()

  constructor(
    servers: readonly ChromaServer[],
    /** For each shard the index of its server. */
    map: readonly number[],
    database: string,
    settings: ShardSettings,
  ) {
    this.#servers = servers
    this.#map = map
    this.database = database
    this.settings = settings
  }

  of(creator: CreatorId): number {
    return shardOf(creator, this.settings.shards)
  }

  serverOf(creator: CreatorId): ChromaServer {
    return this.server(this.of(creator))
  }

  instanceOf(shard: number): number {
    return this.#map[shard] ?? 0
  }

  server(shard: number): ChromaServer {
    return this.#servers[this.instanceOf(shard)]!
  }

  /**
   * Does something with a shard's records when the shard exists, else answers `empty`. A collection that was
   * deleted and made again under our feet (a restore does that) is looked up once more.
   */
  async read<T>(
    shard: number,
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#fresh(shard, async () => {
      const records = await this.#lookUp(shard, signal)
      return records === undefined ? empty : use(records)
    })
  }

  /**
   * Does something with a shard's records; makes the shard when there is none.
   * @param signal is heard until then
   */
  async write<T>(
    shard: number,
    use: (records: ChromaCollection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#fresh(shard, async () => {
      const records = (await this.#lookUp(shard, signal)) ?? (await this.#make(shard, signal))
      // Asked for once: what waits for it can still be given up.
      await this.server(shard).maxBatch(signal)
      return use(records)
    })
  }

  /** The shards that exist, as their servers describe them. Nothing is compared. */
  async existing(signal?: AbortSignal): Promise<Map<number, CollectionInfo>> {
    const lists = await Promise.all(
      this.#servers.map(server => server.collections(this.database, signal)),
    )
    const found = new Map<number, CollectionInfo>()
    for (let shard = 0; shard < this.settings.shards; shard += 1) {
      const own = lists[this.instanceOf(shard)]?.find(info => info.name === collectionOf(shard))
      if (own !== undefined) found.set(shard, own)
    }
    return found
  }

  async #fresh<T>(shard: number, use: () => Promise<T>): Promise<T> {
    try {
      return await use()
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#open.delete(shard)
      return use()
    }
  }

  /** Only what exists is remembered: another process may make the shard at any time. */
  async #lookUp(shard: number, signal?: AbortSignal): Promise<ChromaCollection | undefined> {
    const known = this.#open.get(shard)
    if (known !== undefined) return known
    const info = await this.server(shard).findCollection(this.database, collectionOf(shard), signal)
    return info === undefined ? undefined : this.#remember(shard, info)
  }

  /**
   * Compares what the store already has before it adds a shard to it: a collection of this number alone would
   * not tell that the rest was made for another shard count.
   */
  async #make(shard: number, signal?: AbortSignal): Promise<ChromaCollection> {
    for (const server of this.#servers) {
      const infos = await server.collections(this.database, signal)
      for (const info of infos.filter(isShard)) refuseMismatch(this.settings, info)
    }
    const server = this.server(shard)
    await server.ensureDatabase(this.database, signal)
    const info = await server.ensureCollection(
      this.database,
      collectionOf(shard),
      { space: SPACE, metadata: this.settings.metadata },
      signal,
    )
    return this.#remember(shard, info)
  }

  #remember(shard: number, info: CollectionInfo): ChromaCollection {
    refuseMismatch(this.settings, info)
    const records = this.server(shard).records(this.database, info.id)
    this.#open.set(shard, records)
    return records
  }
}

/** Also of a shard beyond the count of this deployment: then the data was made for another. */
const isShard = (info: CollectionInfo): boolean => /^knowledge_shard_\d+$/.test(info.name)
