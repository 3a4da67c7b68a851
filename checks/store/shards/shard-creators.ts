import { partsWithin, slicesFromEnd } from '../../chroma/batches.ts'
import { type CreatorId, creatorKey, isReserved } from '../creator-id.ts'
import { chunkOf } from '../records/record-id.ts'
import type { ShardCollections } from './shard-collections.ts'

/** Ids that are asked for at once: some 500 kB. */
const PAGE = 10_000

/** A creator of a shard. */
export interface ShardCreator {
  creator: CreatorId
  /** Creators move in the order of these. */
  key: string
  /** Of whichever version. */
  records: number
}

/** What a shard has. */
export interface ShardContent {
  creators: ShardCreator[]
  /** Records that the store did not write: nobody can tell whose they are to be. */
  others: number
}

/**
 * The creators of a shard in the order in which they move, but for the verification's. From the last record to the
 * first: what is deleted meanwhile brings others forward, to where they are still to be read. What is written meanwhile
 * may not be among them.
 */
export async function creatorsOf(
  shards: ShardCollections,
  shard: number,
  signal: AbortSignal,
): Promise<ShardContent> {
  const counts = new Map<string, number>()
  let others = 0
  const list = async (records: Parameters<Parameters<typeof shards.readShard>[2]>[0]) => {
    counts.clear()
    others = 0
    for (const { offset, limit } of slicesFromEnd(await records.size(signal), PAGE)) {
      for (const id of await records.ids(offset, limit, signal)) {
        const creator = chunkOf(id)?.creator
        if (creator === undefined) others += 1
        else if (!isReserved(creator)) counts.set(creator, (counts.get(creator) ?? 0) + 1)
      }
    }
  }
  await shards.readShard(shard, undefined, list, signal)
  const creators = [...counts].map(([creator, records]) => ({
    creator: creator as CreatorId,
    key: creatorKey(creator),
    records,
  }))
  return { creators: inOrder(creators), others }
}

/** Each once, in the order in which they move. Of one who is named twice the last counts. */
export const inOrder = (creators: readonly ShardCreator[]): ShardCreator[] =>
  [...new Map(creators.map(each => [each.key, each])).values()].sort((a, b) =>
    a.key < b.key ? -1 : 1,
  )

/** Creators in parts that have so many records each, or are a single creator. */
export const partsOf = (
  creators: readonly ShardCreator[],
  mostRecords: number,
  mostCreators?: number,
): Generator<ShardCreator[]> =>
  partsWithin(creators, ({ records }) => records, mostRecords, mostCreators)
