import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { raceAbort } from '../transport/race-abort.ts'
import type { VersionSnapshot, VersionStore } from './query/write-version-store.ts'

/** Which collection on which instance a shard is. */
const ShardLayout = z.object({
  /** From 1, and one more whenever the shard is somewhere else. */
  version: z.int().positive(),
  /** Index of the Chroma server. */
  instance: z.int().nonnegative(),
  /** UUID of the collection. */
  collection: z.uuid(),
  /** What the collection is called, for when it was deleted and made again, as a restore does. */
  name: z.string().nonempty(),
})
type ShardLayout = z.infer<typeof ShardLayout>

/** A shard's layout as it is recorded. Another value is another layout, also if only a later version reads it. */
export interface LayoutRecord {
  value: string
  layout: ShardLayout
}

/**
 * The layout of the shards, recorded beside the data: on the instance that the outputs name for a shard, among the write
 * versions, so that one request reads both. Where none is recorded, the layout is what the outputs say.
 */
export class LayoutRecords {
  readonly #storeOf: (shard: number) => VersionStore

  /** @param storeOf the write versions on the instance that the outputs name for a shard */
  constructor(storeOf: (shard: number) => VersionStore) {
    this.#storeOf = storeOf
  }

  /** As it is now. */
  async read(shard: number, signal?: AbortSignal): Promise<LayoutRecord | undefined> {
    const seen = this.#storeOf(shard).readTogether([nameOf(shard)])
    return recordIn(await raceAbort(seen, signal), shard)
  }

  /** Of as many shards, from the first. */
  async readAll(count: number, signal?: AbortSignal): Promise<(LayoutRecord | undefined)[]> {
    const shards = Array.from({ length: count }, (_, shard) => shard)
    const seen = new Map<VersionStore, Promise<VersionSnapshot | undefined>>()
    for (const [store, own] of Map.groupBy(shards, this.#storeOf)) {
      seen.set(store, store.read(own.map(nameOf), signal))
    }
    return Promise.all(
      shards.map(async shard => recordIn(await seen.get(this.#storeOf(shard)), shard)),
    )
  }

  /**
   * Records where a shard is that has no record, or whose recorded collection is gone. Of several who record the first at
   * once one is heard: an id that is taken stays as it is.
   * @param before what is recorded
   */
  async write(
    shard: number,
    place: Omit<ShardLayout, 'version'>,
    before: LayoutRecord | undefined,
  ): Promise<LayoutRecord> {
    const layout = { version: 1 + (before?.layout.version ?? 0), ...place }
    const value = JSON.stringify(layout)
    const id = nameOf(shard)
    const record = { id, metadata: { kind: 'layout', name: id, value }, text: '', vector: [1] }
    await this.#storeOf(shard).put([record], before === undefined ? 'add' : 'upsert')
    return { value, layout }
  }
}

/** The shard is recorded elsewhere than where it is open here: what was done there is to be done again. */
export class ShardMoved extends Failure {
  constructor(shard: number) {
    super('unavailable', `Shard ${shard} goes on moving`, { mend: 'ask again' })
  }
}

const nameOf = (shard: number): string => `shard ${shard}`

function recordIn(seen: VersionSnapshot | undefined, shard: number): LayoutRecord | undefined {
  const value = seen?.values.get(nameOf(shard))
  return value === undefined ? undefined : { value, layout: parseLayout(shard, value) }
}

/** @throws Failure `misused` for what is no layout: to go by the name instead might find what was there before */
export function parseLayout(shard: number, value: string): ShardLayout {
  try {
    return ShardLayout.parse(JSON.parse(value))
  } catch (cause) {
    throw new Failure(
      'misused',
      `What is recorded as the layout of shard ${shard} is none: ${value}`,
      {
        mend: 'run the version of knowledge-stack that recorded it',
        cause,
      },
    )
  }
}
