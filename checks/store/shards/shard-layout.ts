import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { raceAbort } from '../../transport/race-abort.ts'
import type { VersionSnapshot, VersionStore } from '../query/write-version-store.ts'
import { parseRecorded } from './parse-recorded.ts'
import {
  type MoveState,
  moveIn,
  moveNameOf,
  type ShardMove,
  type Verdict,
  verdictIdOf,
} from './shard-move.ts'
import { ShardPlace } from './shard-place.ts'
import { type RebuildState, rebuildIn, rebuildNameOf, type ShardRebuild } from './shard-rebuild.ts'
import { FREEZE, type FreezeRecord, freezeIn, type WriteFreeze } from './write-freeze.ts'

const ShardLayout = ShardPlace.extend({
  /** From 1, and one more whenever the shard is somewhere else. */
  version: z.int().positive(),
})
type ShardLayout = z.infer<typeof ShardLayout>

/** A shard's layout as it is recorded. Another value is another layout, also if only a later version reads it. */
export interface LayoutRecord {
  value: string
  layout: ShardLayout
}

/** What is recorded of a shard: where it is, where its creators have moved to, whether it is being rebuilt or frozen. */
export interface ShardRecords {
  layout: LayoutRecord | undefined
  move: MoveState | undefined
  rebuild: RebuildState | undefined
  freeze: FreezeRecord | undefined
}

/**
 * The layout of the shards, recorded beside the data: on the instance that the outputs name for a shard, among the write
 * versions, so that one request reads both. Where none is recorded, the layout is what the outputs say.
 */
export class LayoutRecords {
  readonly #storeOf: (shard: number) => VersionStore
  /** What was last heard of it. Until it is told to be over it lasts, also where a new server has lost the record of it. */
  #freeze: FreezeRecord | undefined

  /** @param storeOf the write versions on the instance that the outputs name for a shard */
  constructor(storeOf: (shard: number) => VersionStore) {
    this.#storeOf = storeOf
  }

  /** As it is now. */
  async read(shard: number, signal?: AbortSignal): Promise<ShardRecords> {
    const seen = this.#storeOf(shard).readTogether(namesOf(shard))
    return this.#hear(recordsIn(await raceAbort(seen, signal), shard))
  }

  #hear(records: ShardRecords): ShardRecords {
    if (records.freeze !== undefined) this.#freeze = records.freeze
    return { ...records, freeze: this.#freeze }
  }

  /** Of as many shards, from the first. */
  async readAll(count: number, signal?: AbortSignal): Promise<ShardRecords[]> {
    const shards = Array.from({ length: count }, (_, shard) => shard)
    const seen = new Map<VersionStore, Promise<VersionSnapshot | undefined>>()
    for (const [store, own] of Map.groupBy(shards, this.#storeOf)) {
      seen.set(store, store.read(own.flatMap(namesOf), signal))
    }
    return Promise.all(
      shards.map(async shard => recordsIn(await seen.get(this.#storeOf(shard)), shard)),
    )
  }

  /** The write versions beside a shard's records, as they are now. */
  versions(shard: number): Promise<VersionSnapshot | undefined> {
    return this.#storeOf(shard).read()
  }

  /**
   * Records where a shard is that has no record, or whose recorded collection is gone. Of several who record the first at
   * once one is heard: an id that is taken stays as it is.
   * @param before what is recorded
   */
  async write(
    shard: number,
    place: ShardPlace,
    before: LayoutRecord | undefined,
  ): Promise<LayoutRecord> {
    const record = placedAnew(place, before)
    await this.#putLayout(shard, record, before ? 'upsert' : 'add')
    return record
  }

  /** Records a layout that holds already, by the verdict on a rebuilt shard; another that was recorded since stays. */
  async settleLayout(shard: number, record: LayoutRecord): Promise<void> {
    const seen = await this.#storeOf(shard).read([nameOf(shard)])
    const value = seen?.values.get(nameOf(shard))
    const recorded = value === undefined ? 0 : parseLayout(shard, value).version
    if (recorded < record.layout.version) await this.#putLayout(shard, record, 'upsert')
  }

  /** Records how far the creators of a shard have moved, in place of what is recorded. */
  async recordMove(shard: number, move: ShardMove): Promise<void> {
    const id = moveNameOf(shard)
    await this.#put(shard, { kind: MOVE, id, name: id, value: JSON.stringify(move) }, 'upsert')
  }

  /** Says how a try to move creators ended. @returns how it did: somebody else may have said it before */
  settle(shard: number, attempt: string, verdict: Verdict): Promise<Verdict> {
    return this.#settle(shard, moveNameOf(shard), attempt, verdict)
  }

  /** Says whether a copy of a shard takes its place. @returns as `settle` */
  settleRebuild(shard: number, { place }: ShardRebuild, verdict: Verdict): Promise<Verdict> {
    return this.#settle(shard, rebuildNameOf(shard), place.collection, verdict)
  }

  /** Records that a shard is being rebuilt, and how far that is. */
  async recordRebuild(shard: number, rebuild: ShardRebuild): Promise<void> {
    const id = rebuildNameOf(shard)
    await this.#put(
      shard,
      { kind: REBUILD, id, name: id, value: JSON.stringify(rebuild) },
      'upsert',
    )
  }

  /** As if nobody had begun to rebuild the shard. */
  async forgetRebuild(shard: number): Promise<void> {
    await this.#storeOf(shard).remove({ name: { $eq: rebuildNameOf(shard) } })
  }

  /** Of tries that nobody asks about any more. */
  async forgetVerdicts(shard: number): Promise<void> {
    const verdicts = { value: { $in: ['moved', 'stayed'] satisfies Verdict[] } }
    await this.#storeOf(shard).remove({ $and: [{ name: { $eq: moveNameOf(shard) } }, verdicts] })
  }

  /** As if the shard had never begun to move. */
  async forgetMove(shard: number): Promise<void> {
    await this.#storeOf(shard).remove({ name: { $eq: moveNameOf(shard) } })
  }

  /** Records on every server that holds some of these shards whether anything is written; see write-freeze.ts. */
  async recordFreeze(count: number, freeze: WriteFreeze): Promise<void> {
    const value = JSON.stringify(freeze)
    const metadata = { kind: 'freeze', name: FREEZE, value }
    const record = { id: FREEZE, metadata, text: '', vector: [1] }
    const put = this.#storesOf(count).map(store => store.put([record], 'upsert'))
    // Those that answer have it, also when another does not.
    await Promise.allSettled(put)
    await Promise.all(put)
  }

  /** The last freeze as each server that holds some of these shards has it on record. */
  async readFreezes(count: number, signal?: AbortSignal): Promise<(FreezeRecord | undefined)[]> {
    const seen = this.#storesOf(count).map(store => store.read([FREEZE], signal))
    return (await Promise.all(seen)).map(snapshot => snapshot && freezeIn(snapshot.values))
  }

  #storesOf(count: number): VersionStore[] {
    return [...new Set(Array.from({ length: count }, (_, shard) => this.#storeOf(shard)))]
  }

  #putLayout(shard: number, { value }: LayoutRecord, operation: 'add' | 'upsert'): Promise<void> {
    const id = nameOf(shard)
    return this.#put(shard, { kind: 'layout', id, name: id, value }, operation)
  }

  async #settle(shard: number, name: string, attempt: string, verdict: Verdict): Promise<Verdict> {
    const id = verdictIdOf(name, attempt)
    await this.#put(shard, { kind: MOVE, id, name, value: verdict }, 'add')
    const seen = await this.#storeOf(shard).read([name])
    return (seen?.values.get(id) as Verdict | undefined) ?? verdict
  }

  #put(
    shard: number,
    { id, ...metadata }: { kind: string; id: string; name: string; value: string },
    operation: 'add' | 'upsert',
  ): Promise<void> {
    return this.#storeOf(shard).put([{ id, metadata, text: '', vector: [1] }], operation)
  }
}

const MOVE = 'move'
const REBUILD = 'rebuild'

/** The shard is recorded elsewhere than where it is open here: what was done there is to be done again. */
export class ShardMoved extends Failure {
  constructor(shard: number) {
    super('unavailable', `Shard ${shard} goes on moving`, { mend: 'ask again' })
  }
}

const nameOf = (shard: number): string => `shard ${shard}`
const namesOf = (shard: number): string[] => [
  nameOf(shard),
  moveNameOf(shard),
  rebuildNameOf(shard),
  FREEZE,
]

/** From the verdict on a rebuilt shard is where it was rebuilt, whether that is recorded as its layout already or not. */
function recordsIn(seen: VersionSnapshot | undefined, shard: number): ShardRecords {
  const values = seen?.values ?? new Map<string, string>()
  const value = values.get(nameOf(shard))
  const layout = value === undefined ? undefined : { value, layout: parseLayout(shard, value) }
  const rebuild = rebuildIn(values, shard)
  const isRebuilt =
    rebuild?.verdict === 'moved' && layout?.layout.collection === rebuild.rebuild.from
  return {
    layout: isRebuilt ? placedAnew(rebuild.rebuild.place, layout) : layout,
    move: moveIn(values, shard),
    rebuild,
    freeze: freezeIn(values),
  }
}

function placedAnew(
  { instance, collection, name }: ShardPlace,
  before: LayoutRecord | undefined,
): LayoutRecord {
  const version = 1 + (before?.layout.version ?? 0)
  const layout = { version, instance, collection, name }
  return { value: JSON.stringify(layout), layout }
}

/** @throws Failure `misused` for what is no layout: to go by the name instead might find what was there before */
export const parseLayout = (shard: number, value: string): ShardLayout =>
  parseRecorded(ShardLayout, value, `the layout of shard ${shard}`)
