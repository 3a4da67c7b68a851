import { shardOf } from '../../infra/shards.ts'
import type { ChromaServer, CollectionInfo } from '../chroma/chroma-server.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { isMissing } from '../transport/server-error.ts'
import { type CreatorId, isReserved } from './creator-id.ts'
import { type OpenShard, OpenShards } from './open-shards.ts'
import { type LayoutRecords, ShardMoved } from './shard-layout.ts'
import type { ShardSettings } from './shard-metadata.ts'

/** Whoever finds the shard elsewhere more often meets something that a repeat does not mend. */
const TRIES = 4

/** Changes a shard's records. It may be called again. */
export type Change<T> = (records: ChromaCollection) => Promise<T>

/**
 * The shards of one generation: follows each to where it is, makes it when something is first written to it, and
 * refuses one that was made for another deployment.
 */
export class ShardCollections {
  readonly settings: ShardSettings
  readonly database: string
  readonly #servers: readonly ChromaServer[]
  readonly #layouts: LayoutRecords
  readonly #shards: OpenShards

  constructor(
    servers: readonly ChromaServer[],
    /** For each shard the index of its server, where nothing else is recorded. */
    map: readonly number[],
    layouts: LayoutRecords,
    database: string,
    settings: ShardSettings,
  ) {
    this.#servers = servers
    this.#layouts = layouts
    this.#shards = new OpenShards(servers, map, layouts, database, settings)
    this.database = database
    this.settings = settings
  }

  of(creator: CreatorId): number {
    return shardOf(creator, this.settings.shards)
  }

  /** Where the shard was last found, or else where the outputs have it. */
  instanceOf(shard: number): number {
    return this.#shards.instanceOf(shard)
  }

  server(shard: number): ChromaServer {
    return this.#servers[this.instanceOf(shard)]!
  }

  /**
   * Does something with a shard's records when the shard exists, else answers `empty`. Where it was moved meanwhile, or
   * deleted and made again under our feet (a restore does that), it is done again.
   */
  async read<T>(
    shard: number,
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#follow(shard, async () => {
      const open = await this.#shards.find(shard, signal)
      if (open === undefined) return empty
      // Beside it, and by one request with the write version where that is asked for. Whatever moves later had been
      // where it was when the question came.
      const work = [use(open.records), this.#requireUnmoved(shard, open, signal)] as const
      return (await Promise.all(work))[0]
    })
  }

  /**
   * Writes to the shard of some creators; makes it when there is none. Where it was moved meanwhile, it is written
   * again: whoever moves it may have read before.
   * @param creators of one shard. What the verification writes leaves the layout as it was.
   * @param signal is heard until the first byte is sent
   */
  async write<T>(creators: readonly CreatorId[], use: Change<T>, signal?: AbortSignal): Promise<T> {
    const shard = this.of(creators[0]!)
    return this.#follow(shard, async () => {
      const open =
        (await this.#shards.find(shard, signal)) ?? (await this.#shards.make(shard, signal))
      // Asked for once: what waits for it can still be given up.
      await open.server.maxBatch(signal)
      if (!creators.every(isReserved)) await this.#record(shard, open)
      return this.#change(shard, open, use)
    })
  }

  /** As `write`, but for what has nothing to do when there is no shard: then it answers `empty`. */
  async remove<T>(shard: number, empty: T, use: Change<T>): Promise<T> {
    return this.#follow(shard, async () => {
      const open = await this.#shards.find(shard)
      return open === undefined ? empty : this.#change(shard, open, use)
    })
  }

  /** The shards that exist, as their servers describe them. Nothing is compared. */
  existing(signal?: AbortSignal): Promise<Map<number, CollectionInfo>> {
    return this.#shards.existing(signal)
  }

  async #follow<T>(shard: number, use: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await use()
      } catch (error) {
        const isElsewhere = error instanceof ShardMoved || isMissing(error)
        if (!isElsewhere || tried === TRIES) throw error
        this.#shards.forget(shard)
      }
    }
  }

  /** Asks before anything else: behind what `use` looks at, a load would wait for it with all its shards. */
  async #change<T>(shard: number, open: OpenShard, use: Change<T>): Promise<T> {
    await this.#requireUnmoved(shard, open)
    const done = await use(open.records)
    await this.#requireUnmoved(shard, open)
    return done
  }

  /** @throws ShardMoved when another layout is recorded than when it was opened */
  async #requireUnmoved(shard: number, open: OpenShard, signal?: AbortSignal): Promise<void> {
    const before = open.record?.value
    const now = await this.#layouts.read(shard, signal)
    if (now?.value === before) return
    const { version, collection } = now?.layout ?? {}
    // The first one says what was so before it was recorded.
    if (before === undefined && version === 1 && collection === open.info.id) return
    throw new ShardMoved(shard)
  }

  /** Where nothing is recorded yet, or what is recorded is gone and another was found or made in its place. */
  async #record(shard: number, open: OpenShard): Promise<void> {
    const { record, instance, info } = open
    if (record?.layout.collection === info.id) return
    const place = { instance, collection: info.id, name: info.name }
    open.record = await this.#layouts.write(shard, place, record)
  }
}
