import { hash } from 'node:crypto'

export const MIN_SHARDS = 5
export const MAX_SHARDS = 50
export const DEFAULT_SHARDS = 10

/** The version of the rule below, recorded with the data: another rule would look for it elsewhere. */
export const HASH_VERSION = 1

/** The first generation of a store; another shard count would be the next. */
export const FIRST_GENERATION = 1

/**
 * The shard of a creator: the first 8 bytes of SHA-256 over the id's UTF-8 bytes, big-endian, modulo the count.
 * @param creatorId a valid creator id, see checks/store/creator-id.ts
 * @returns 0 … shardCount − 1
 */
export function shardOf(creatorId: string, shardCount: number): number {
  // A string of bytes, since a buffer takes longer to make than the hash.
  const digest = hash('sha256', creatorId, 'binary')
  let shard = 0
  for (let byte = 0; byte < 8; byte += 1) {
    shard = (shard * 256 + digest.charCodeAt(byte)) % shardCount
  }
  return shard
}

export const collectionOf = (shard: number): string => `knowledge_shard_${shard}`

/** Each generation lives in a Chroma database of its own, so that collection names never collide while data moves. */
export const databaseOf = (generation: number): string => `knowledge_generation_${generation}`

/**
 * Spreads shards over instances as evenly as whole shards allow.
 * It makes the first map only: afterwards the recorded map rules, since data does not move when a modulo does.
 * @returns for each shard the index of its instance
 */
export function firstShardMap(shardCount: number, instances: number): number[] {
  return Array.from({ length: shardCount }, (_, shard) => shard % instances)
}
