import type { ShardCollections } from './shard-collections.ts'

/** All records in the shards, of whichever version: what there is to read at most. */
export async function countRecords(shards: ShardCollections, signal: AbortSignal): Promise<number> {
  let records = 0
  for (const [shard, { id }] of await shards.existing(signal)) {
    records += await shards.server(shard).records(shards.database, id).size(signal)
  }
  return records
}
