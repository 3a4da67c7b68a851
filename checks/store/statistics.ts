import { z } from 'zod'
import { collectionOf } from '../../infra/shards.ts'
import type { CollectionInfo } from '../chroma/chroma-server.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { isReserved } from './creator-id.ts'
import { creatorOf } from './records/record-id.ts'
import type { ShardCollections } from './shards/shard-collections.ts'

const CreatorCount = z.object({
  count: z.int().nonnegative(),
  /** Counted one by one, never estimated. */
  exact: z.boolean(),
})

const ShardStatistics = z.object({
  shard: z.int().nonnegative(),
  collection: z.string(),
  /** Index of the Chroma server that holds it. */
  instance: z.int().nonnegative(),
  /** False: nothing was written to it yet. */
  exists: z.boolean(),
  records: z.int().nonnegative(),
  creators: CreatorCount,
  /** Length of its vectors; null until the first is in. */
  dimension: z.int().positive().nullable(),
})

export const StoreStatistics = z.object({
  generation: z.int().positive(),
  records: z.int().nonnegative(),
  creators: CreatorCount,
  /** Length of the vectors that the deployment's model makes; a shard's own differs only where something is wrong. */
  dimension: z.int().positive(),
  /** Records of the fullest shard, by the mean of all shards: 1 is even. Null without records. */
  imbalance: z.number().positive().nullable(),
  shards: z.array(ShardStatistics),
})

export type ShardStatistics = z.infer<typeof ShardStatistics>
export type StoreStatistics = z.infer<typeof StoreStatistics>

/** Ids to ask for at once: some 5 MB. */
const PAGE = 100_000

/** How the records lie in the shards. Reads only; what the verification has in there just now is counted too. */
export async function statistics(
  shards: ShardCollections,
  signal?: AbortSignal,
): Promise<StoreStatistics> {
  const existing = await shards.existing(signal)
  const all: ShardStatistics[] = []
  for (let shard = 0; shard < shards.settings.shards; shard += 1) {
    all.push(await shardStatistics(shards, shard, existing.get(shard), signal))
  }
  const records = sum(all.map(shard => shard.records))
  const fullest = Math.max(...all.map(shard => shard.records))
  return {
    generation: shards.settings.generation,
    records,
    creators: {
      // A creator is in one shard only.
      count: sum(all.map(({ creators }) => creators.count)),
      exact: all.every(({ creators }) => creators.exact),
    },
    dimension: shards.settings.dimension,
    imbalance: records === 0 ? null : fullest / (records / all.length),
    shards: all,
  }
}

async function shardStatistics(
  shards: ShardCollections,
  shard: number,
  info: CollectionInfo | undefined,
  signal: AbortSignal | undefined,
): Promise<ShardStatistics> {
  const name = info?.name ?? collectionOf(shard)
  const place = { shard, collection: name, instance: shards.instanceOf(shard) }
  if (info === undefined) {
    const creators = { count: 0, exact: true }
    return { ...place, exists: false, records: 0, creators, dimension: null }
  }
  const collection = shards.server(shard).records(shards.database, info.id)
  const records = await collection.size(signal)
  const creators = { count: await countCreators(collection, signal), exact: true }
  return { ...place, exists: true, records, creators, dimension: info.dimension }
}

/** One by one, by what their records' ids begin with, but for those of the verification. */
async function countCreators(
  collection: ChromaCollection,
  signal: AbortSignal | undefined,
): Promise<number> {
  const creators = new Set<string>()
  for (let offset = 0; ; offset += PAGE) {
    const ids = await collection.ids(offset, PAGE, signal)
    for (const id of ids) {
      const creator = creatorOf(id)
      if (creator !== undefined && !isReserved(creator)) creators.add(creator)
    }
    if (ids.length < PAGE) return creators.size
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, next) => all + next, 0)
