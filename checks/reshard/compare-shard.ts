import { isDeepStrictEqual } from 'node:util'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { CreatorId } from '../store/creator-id.ts'
import { creatorOf } from '../store/records/record-id.ts'
import type { ShardCollections } from '../store/shards/shard-collections.ts'
import { currentIds, EVERYTHING, whereCreators } from './copy-creators.ts'
import type { Move } from './move.ts'
import { partsOf, type ShardCreator } from './shard-creators.ts'

/** Creators that are compared at once, and about how many records these have. */
const COMPARED = { creators: 250, records: 2000 }
/** Records of one creator that are read at once. */
const READ = 1000
/** Chroma scales a vector to length 1 whenever it is written, which rounds its numbers of 32 bits. */
const ROUNDED = 1e-6

/**
 * Compares what creators of a shard have with what was copied of it: records, and their texts, metadata and vectors.
 * @returns those who do not have the same there
 */
export async function differentCreators(
  { from, to, signal, pace }: Move,
  shard: number,
  creators: readonly ShardCreator[],
): Promise<CreatorId[]> {
  const different = new Set<string>()
  for (const part of partsOf(creators, COMPARED.records, COMPARED.creators)) {
    const names = part.map(({ creator }) => creator)
    const here = await idsIn(from.shards, shard, names, signal)
    const homes = Map.groupBy(names, creator => to.shards.of(creator))
    for (const [target, own] of homes) {
      const there = new Set(await idsIn(to.shards, target, own, signal))
      const wanted = here.filter(id => to.shards.of(creatorOf(id) as CreatorId) === target)
      for (const id of wanted) if (!there.delete(id)) different.add(creatorOf(id)!)
      for (const id of there) different.add(creatorOf(id)!)
      for (let start = 0; start < wanted.length; start += READ) {
        const ids = wanted.slice(start, start + READ)
        await pace.wait(ids.length)
        const [before, after] = await Promise.all([
          recordsIn(from.shards, shard, own, ids, signal),
          recordsIn(to.shards, target, own, ids, signal),
        ])
        for (const [id, record] of before) {
          const copy = after.get(id)
          if (copy === undefined || !isSame(record, copy)) different.add(creatorOf(id)!)
        }
      }
    }
  }
  return [...different] as CreatorId[]
}

/** Ids of what counts. */
const idsIn = (
  shards: ShardCollections,
  shard: number,
  creators: readonly CreatorId[],
  signal: AbortSignal,
): Promise<string[]> =>
  shards.readShard(shard, [], records => currentIds(records, creators, signal), signal)

async function recordsIn(
  shards: ShardCollections,
  shard: number,
  creators: readonly CreatorId[],
  ids: string[],
  signal: AbortSignal,
): Promise<Map<string, StoredRecord>> {
  const get = (records: ChromaCollection) =>
    records.get(whereCreators(creators), { ids, include: EVERYTHING }, signal)
  const found = await shards.readShard(shard, [], get, signal)
  return new Map(found.map(record => [record.id, record]))
}

function isSame(a: StoredRecord, b: StoredRecord): boolean {
  const [one = [], other = []] = [a.vector, b.vector]
  return (
    a.text === b.text &&
    isDeepStrictEqual(a.metadata, b.metadata) &&
    one.length === other.length &&
    one.every(
      (part, index) => Math.abs(part - other[index]!) <= ROUNDED * Math.max(1, Math.abs(part)),
    )
  )
}
