import { Failure } from '../../../infra/failure.ts'
import { collectionOf } from '../../../infra/shards.ts'
import type { ChromaServer, CollectionInfo } from '../../chroma/chroma-server.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import type { LayoutRecord, LayoutRecords } from './shard-layout.ts'
import { refuseMismatch, type ShardSettings, SPACE } from './shard-metadata.ts'

/** A shard as this process has it open. */
export interface OpenShard {
  /** Index of its server. */
  instance: number
  server: ChromaServer
  info: CollectionInfo
  records: ChromaCollection
  /** What was recorded when it was opened; undefined where nothing was. */
  record: LayoutRecord | undefined
}

/** Where a shard is to be looked for. */
interface Place {
  record: LayoutRecord | undefined
  instance: number
  server: ChromaServer
  /** What the collection is called. */
  name: string
}

/** Finds the collections of shards by their records, makes them, and keeps them open. */
export class OpenShards {
  readonly #servers: readonly ChromaServer[]
  /** For each shard the index of its server, as the outputs have it. */
  readonly #map: readonly number[]
  readonly #layouts: LayoutRecords
  readonly #database: string
  readonly #settings: ShardSettings
  /** The collections that exist and were compared with the deployment, by shard. */
  readonly #open = new Map<number, OpenShard>()
  /** Where the shards were last found. */
  readonly #instances = new Map<number, number>()

  constructor(
    servers: readonly ChromaServer[],
    map: readonly number[],
    layouts: LayoutRecords,
    database: string,
    settings: ShardSettings,
  ) {
    this.#servers = servers
    this.#map = map
    this.#layouts = layouts
    this.#database = database
    this.#settings = settings
  }

  /** Where the shard was last found, or else where the outputs have it. */
  instanceOf(shard: number): number {
    return this.#instances.get(shard) ?? this.#map[shard] ?? 0
  }

  /** Only what exists is remembered: another process may make the shard at any time. */
  async find(shard: number, signal?: AbortSignal): Promise<OpenShard | undefined> {
    const known = this.#open.get(shard)
    if (known !== undefined) return known
    const { layout } = await this.#layouts.read(shard, signal)
    const place = this.#placeOf(shard, layout)
    const infos = await place.server.collections(this.#database, signal)
    const info = collectionAt(place, infos)
    return info === undefined ? undefined : this.#remember(shard, place, info)
  }

  /**
   * Compares what the store already has before it adds a shard to it: a collection of this number alone would
   * not tell that the rest was made for another shard count.
   */
  async make(shard: number, signal?: AbortSignal): Promise<OpenShard> {
    for (const server of this.#servers) {
      const infos = await server.collections(this.#database, signal)
      for (const info of infos.filter(isShard)) refuseMismatch(this.#settings, info)
    }
    const { layout } = await this.#layouts.read(shard, signal)
    const place = this.#placeOf(shard, layout)
    await place.server.ensureDatabase(this.#database, signal)
    const settings = { space: SPACE, metadata: this.#settings.metadata } as const
    const made = place.server.ensureCollection(this.#database, place.name, settings, signal)
    return this.#remember(shard, place, await made)
  }

  forget(shard: number): void {
    this.#open.delete(shard)
  }

  /** The shards that exist, as their servers describe them. Nothing is compared. */
  async existing(signal?: AbortSignal): Promise<Map<number, CollectionInfo>> {
    const { shards } = this.#settings
    const [layouts, ...lists] = await Promise.all([
      this.#layouts.readAll(shards, signal),
      ...this.#servers.map(server => server.collections(this.#database, signal)),
    ])
    const found = new Map<number, CollectionInfo>()
    for (const [shard, { layout }] of layouts.entries()) {
      const place = this.#placeOf(shard, layout)
      const info = collectionAt(place, lists[place.instance]!)
      if (info === undefined) continue
      found.set(shard, info)
      this.#instances.set(shard, place.instance)
    }
    return found
  }

  /** @throws Failure `misused` when the shard is on an instance that these outputs do not know */
  #placeOf(shard: number, record: LayoutRecord | undefined): Place {
    const home = { instance: this.#map[shard] ?? 0, name: collectionOf(shard) }
    const { instance, name } = record?.layout ?? home
    const server = this.#servers[instance]
    if (server !== undefined) return { record, instance, server, name }
    const count = this.#servers.length
    throw new Failure(
      'misused',
      `Shard ${shard} is on Chroma server ${instance}, counted from 0, and the outputs that are used here have ${count}`,
      { mend: 'start again what uses them, with the outputs of the last deployment' },
    )
  }

  #remember(shard: number, place: Place, info: CollectionInfo): OpenShard {
    refuseMismatch(this.#settings, info)
    const { record, instance, server } = place
    const records = server.records(this.#database, info.id)
    const open = { instance, server, info, records, record }
    this.#open.set(shard, open)
    this.#instances.set(shard, instance)
    return open
  }
}

/** The recorded one; where there is none of its UUID, or no record, the one that is called as the shard's is. */
const collectionAt = ({ record, name }: Place, infos: readonly CollectionInfo[]) =>
  infos.find(({ id }) => id === record?.layout.collection) ?? infos.find(info => info.name === name)

/** Also of a shard beyond the count of this deployment: then the data was made for another. */
const isShard = (info: CollectionInfo): boolean =>
  /^knowledge_shard_\d+(_rebuilt_[0-9a-f]+)?$/.test(info.name)
