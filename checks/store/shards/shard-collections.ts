import { setTimeout as sleep } from 'node:timers/promises'
import { shardOf } from '../../../infra/shards.ts'
import { type Millis, seconds } from '../../../infra/units.ts'
import type { ChromaServer, CollectionInfo } from '../../chroma/chroma-server.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { isMissing } from '../../transport/server-error.ts'
import { type CreatorId, isReserved } from '../creator-id.ts'
import { type OpenShard, OpenShards } from './open-shards.ts'
import { type LayoutRecords, ShardMoved, type ShardRecords } from './shard-layout.ts'
import type { ShardSettings } from './shard-metadata.ts'
import { CreatorsMoved, isOver, type MoveState, type MoveTarget, stageOf } from './shard-move.ts'
import { isClosing } from './shard-rebuild.ts'
import { WritesFrozen } from './write-freeze.ts'

/** Whoever finds the shard elsewhere more often meets something that a repeat does not mend. */
const TRIES = 4

/**
 * A writer waits so long at most for the end of a move of its creator, which takes tens of milliseconds: whoever moves it
 * was stopped then, and the creator stays for now.
 */
const LONGEST_WAIT: Millis = seconds(4)
const ASK_AGAIN_AFTER: Millis = 20

/** Changes a shard's records. It may be called again. */
export type Change<T> = (records: ChromaCollection) => Promise<T>

/**
 * The shards of one generation: follows each to where it is, makes it when something is first written to it, and
 * refuses one that was made for another deployment.
 */
export class ShardCollections {
  readonly settings: ShardSettings
  readonly database: string
  readonly servers: readonly ChromaServer[]
  /** For each shard the index of its server, where nothing else is recorded. */
  readonly map: readonly number[]
  readonly layouts: LayoutRecords
  readonly #shards: OpenShards
  /** What was last heard of the shards' moves. Who has moved never comes back. */
  readonly #moves = new Map<number, MoveState>()

  constructor(
    servers: readonly ChromaServer[],
    map: readonly number[],
    layouts: LayoutRecords,
    database: string,
    settings: ShardSettings,
  ) {
    this.servers = servers
    this.map = map
    this.layouts = layouts
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
    return this.servers[this.instanceOf(shard)]!
  }

  /** Where a creator is known to have moved to; undefined for one of whom nobody here has heard that. */
  movedTo(creator: CreatorId): MoveTarget | undefined {
    const state = this.#moves.get(this.of(creator))
    return stageOf(state, creator) === 'moved' ? state?.move : undefined
  }

  /** Where all creators have moved to; undefined while some have not. */
  async allMovedTo(signal?: AbortSignal): Promise<MoveTarget | undefined> {
    const records = await this.layouts.readAll(this.settings.shards, signal)
    const moves = records.map(({ move }) => move)
    return moves.every(state => state !== undefined && isOver(state)) ? moves[0]!.move : undefined
  }

  /**
   * Does something with a creator's records when the shard exists, else answers `empty`. Where the shard was moved
   * meanwhile, or deleted and made again under our feet (a restore does that), it is done again.
   * @throws CreatorsMoved when the creator is in another generation
   */
  read<T>(
    creator: CreatorId,
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#read(this.of(creator), [creator], empty, use, signal)
  }

  /** The same with what there is of a shard, whoever of its creators have moved. */
  readShard<T>(
    shard: number,
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#read(shard, [], empty, use, signal)
  }

  #read<T>(
    shard: number,
    creators: readonly CreatorId[],
    empty: T,
    use: (records: ChromaCollection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.#follow(shard, async () => {
      const open = await this.#shards.find(shard, signal)
      // Beside it, and by one request with the write version where that is asked for. Whatever moves later had been
      // where it was when the question came.
      const check = this.#requireUnmoved(shard, creators, open, signal)
      if (open === undefined) {
        await check
        return empty
      }
      return (await Promise.all([use(open.records), check]))[0]
    })
  }

  /**
   * Writes to the shard of some creators; makes it when there is none. Where it was moved meanwhile, it is written
   * again: whoever moves it may have read before.
   * @param creators of one shard. What the verification writes leaves the layout as it was.
   * @param signal is heard until the first byte is sent
   * @throws CreatorsMoved when one of them is in another generation, also when it has moved meanwhile: all of them are to
   *   be written again where they are
   */
  async write<T>(creators: readonly CreatorId[], use: Change<T>, signal?: AbortSignal): Promise<T> {
    const shard = this.of(creators[0]!)
    return this.#follow(shard, async () => {
      const open = (await this.#shards.find(shard, signal)) ?? (await this.#make(creators, signal))
      // Asked for once: what waits for it can still be given up.
      await open.server.maxBatch(signal)
      if (!creators.every(isReserved)) await this.#record(shard, open)
      return this.#change(shard, creators, open, use)
    })
  }

  /** As `write`, but for what has nothing to do when there is no shard: then it answers `empty`. */
  async remove<T>(creator: CreatorId, empty: T, use: Change<T>): Promise<T> {
    const shard = this.of(creator)
    return this.#follow(shard, async () => {
      const open = await this.#shards.find(shard)
      if (open !== undefined) return this.#change(shard, [creator], open, use)
      await this.#requireStaying(shard, [creator], open)
      return empty
    })
  }

  /** The records of a shard that creators are moved to; it is made when there is none. */
  async open(shard: number, signal?: AbortSignal): Promise<ChromaCollection> {
    const open =
      (await this.#shards.find(shard, signal)) ?? (await this.#shards.make(shard, signal))
    await this.#record(shard, open)
    return open.records
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

  async #make(creators: readonly CreatorId[], signal: AbortSignal | undefined): Promise<OpenShard> {
    const shard = this.of(creators[0]!)
    await this.#requireStaying(shard, creators, undefined, signal)
    return this.#shards.make(shard, signal)
  }

  /** Asks before anything else: behind what `use` looks at, a load would wait for it with all its shards. */
  async #change<T>(
    shard: number,
    creators: readonly CreatorId[],
    open: OpenShard,
    use: Change<T>,
  ): Promise<T> {
    const before = await this.#requireStaying(shard, creators, open)
    const done = await use(open.records)
    const after = await this.#requireStaying(shard, creators, open)
    // It was frozen meanwhile, and is as it was when that began.
    if (before !== after) throw new ShardMoved(shard)
    return done
  }

  /**
   * As requireUnmoved, of creators that are not being moved at this moment either, and of a shard that stays and is
   * written to.
   * @returns the last freeze of its writes, as it is recorded
   * @throws WritesFrozen while one lasts; the verification's own are written all the same
   */
  async #requireStaying(
    shard: number,
    creators: readonly CreatorId[],
    open: OpenShard | undefined,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const deadline = performance.now() + LONGEST_WAIT
    for (;;) {
      const { move, rebuild, freeze } = await this.#requireUnmoved(shard, creators, open, signal)
      if (freeze?.freeze.state === 'frozen' && !creators.every(isReserved)) {
        throw new WritesFrozen(freeze.freeze)
      }
      const isMoving = creators.some(creator => stageOf(move, creator) === 'moving')
      if (!isMoving && !isClosing(rebuild)) return freeze?.value
      if (performance.now() < deadline) await sleep(ASK_AGAIN_AFTER)
      else if (isMoving) await this.layouts.settle(shard, move!.move.closing!.attempt, 'stayed')
      else await this.layouts.settleRebuild(shard, rebuild!.rebuild, 'stayed')
    }
  }

  /**
   * @param open undefined where the shard was not there
   * @throws CreatorsMoved when one of the creators has; ShardMoved when another layout is recorded than when the shard was
   *   opened
   */
  async #requireUnmoved(
    shard: number,
    creators: readonly CreatorId[],
    open: OpenShard | undefined,
    signal?: AbortSignal,
  ): Promise<ShardRecords> {
    const now = await this.layouts.read(shard, signal)
    if (now.move !== undefined) {
      this.#moves.set(shard, now.move)
      const { move } = now
      if (creators.some(creator => stageOf(move, creator) === 'moved')) {
        throw new CreatorsMoved(shard, move.move)
      }
    }
    if (open !== undefined) requireSamePlace(shard, open, now)
    return now
  }

  /** Where nothing is recorded yet, or what is recorded is gone and another was found or made in its place. */
  async #record(shard: number, open: OpenShard): Promise<void> {
    const { record, instance, info } = open
    if (record?.layout.collection === info.id) return
    const place = { instance, collection: info.id, name: info.name }
    open.record = await this.layouts.write(shard, place, record)
  }
}

function requireSamePlace(shard: number, open: OpenShard, { layout: now }: ShardRecords): void {
  const before = open.record?.value
  if (now?.value === before) return
  const { version, collection } = now?.layout ?? {}
  // The first one says what was so before it was recorded.
  if (before === undefined && version === 1 && collection === open.info.id) return
  throw new ShardMoved(shard)
}
