import { z } from 'zod'
import { collectionOf } from '../../infra/shards.ts'
import type { ChromaCollection, StoredRecord } from '../chroma/collection.ts'
import type { CollectionInfo } from '../chroma/server.ts'
import { type CreatorId, isReserved } from './creator-id.ts'
import { scoped } from './filter.ts'
import { RECORD_KEYS } from './metadata.ts'
import type { Shards } from './shards.ts'

const CreatorCount = z.object({
  count: z.int().nonnegative(),
  /** False: estimated from a sample of the records. */
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
type CreatorCount = z.infer<typeof CreatorCount>

/** Up to this many records of a shard, its creators are counted one by one. */
export const COUNTED_UP_TO = 1000
/** Records drawn to estimate the creators of a larger shard. */
const DRAWN = 24

/** How the records lie in the shards. Reads only; what the verification has in there just now is counted too. */
export async function statistics(shards: Shards, signal?: AbortSignal): Promise<StoreStatistics> {
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
  shards: Shards,
  shard: number,
  info: CollectionInfo | undefined,
  signal: AbortSignal | undefined,
): Promise<ShardStatistics> {
  const place = { shard, collection: collectionOf(shard), instance: shards.instanceOf(shard) }
  if (info === undefined) {
    const creators = { count: 0, exact: true }
    return { ...place, exists: false, records: 0, creators, dimension: null }
  }
  const collection = shards.server(shard).records(shards.database, info.id)
  const records = await collection.size(signal)
  const creators =
    records <= COUNTED_UP_TO
      ? await countCreators(collection, signal)
      : await estimateCreators(collection, records, signal)
  return { ...place, exists: true, records, creators, dimension: info.dimension }
}

async function countCreators(
  collection: ChromaCollection,
  signal: AbortSignal | undefined,
): Promise<CreatorCount> {
  const records = await collection.page(0, COUNTED_UP_TO, signal)
  return { count: new Set(records.flatMap(creatorOf)).size, exact: true }
}

/**
 * A creator with n records is drawn n times as likely as one with a single record, so each draw counts for
 * 1/n: the mean of these, times the records, is the number of creators (Horvitz and Thompson, 1952).
 */
async function estimateCreators(
  collection: ChromaCollection,
  records: number,
  signal: AbortSignal | undefined,
): Promise<CreatorCount> {
  const shares: number[] = []
  for (let draw = 0; draw < DRAWN; draw += 1) {
    // One from each stretch of the records, which lie in the order in which they were written.
    const offset = Math.floor(((draw + Math.random()) / DRAWN) * records)
    const drawn = await collection.page(offset, 1, signal)
    for (const creator of drawn.flatMap(creatorOf)) {
      const own = await collection.get(scoped(creator), { include: [] }, signal)
      shares.push(1 / Math.max(1, own.length))
    }
  }
  const mean = shares.length === 0 ? 0 : sum(shares) / shares.length
  return { count: Math.round(mean * records), exact: false }
}

/** Nothing for a record of the verification, or one that says nothing. */
function creatorOf({ metadata }: StoredRecord): CreatorId[] {
  const creator = metadata?.[RECORD_KEYS.creator]
  if (typeof creator !== 'string' || isReserved(creator as CreatorId)) return []
  return [creator as CreatorId]
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, next) => all + next, 0)
