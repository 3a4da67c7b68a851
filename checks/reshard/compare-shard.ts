import { isDeepStrictEqual } from 'node:util'
import { slicesFromEnd } from '../chroma/batches.ts'
import type { Include, StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { CreatorId } from '../store/creator-id.ts'
import { CurrentVersions } from '../store/records/current-versions.ts'
import { creatorOf } from '../store/records/record-id.ts'
import { currentIds, EVERYTHING, TEXTS, whereCreators } from '../store/shards/creators-records.ts'
import type { ShardCollections } from '../store/shards/shard-collections.ts'
import { partsOf, type ShardCreator } from '../store/shards/shard-creators.ts'
import type { CopiedContent } from './copied-content.ts'
import { asCopied, type Move } from './move.ts'
import { together } from './together.ts'

/** What is compared, and of how many creators at once, and about how many records these have. */
interface Compared {
  include: Include[]
  creators: number
  records: number
}
const WITH_VECTORS: Compared = { include: EVERYTHING, creators: 250, records: 2000 }
/** Texts alone take less memory, and each request of Chroma's time what it takes for some 50 records. */
const WITHOUT_VECTORS: Compared = { include: TEXTS, creators: 1000, records: 8000 }
/** Records of one creator that are read at once. */
const READ = 1000
/** Chroma scales a vector to length 1 whenever it is written, which rounds its numbers of 32 bits. */
const ROUNDED = 1e-6

/** Of so many pairs of shards, where creators are and where they go, vectors are compared in one. */
const COMPARED_ONCE_IN = 8

/** Vectors are most of what there is to read, and are written with the rest: some of them tell of what went wrong. */
const hasVectorsCompared = (shard: number, target: number): boolean =>
  (shard + target) % COMPARED_ONCE_IN === 0

/**
 * Tells copied content what of it is found where it was copied to: all of it is read, in the order in which it is there,
 * which takes Chroma a fraction of what it takes to look for creators. Nobody else writes there yet.
 * @param shards those that it was copied to
 * @param contents of shards that were copied
 */
export async function findCopied(
  { from, to, signal, pace }: Move,
  shards: Iterable<number>,
  contents: ReadonlyMap<number, CopiedContent>,
): Promise<void> {
  const find = async (records: ChromaCollection) => {
    const most = pace.atMost(WITHOUT_VECTORS.records)
    for (const { offset, limit } of slicesFromEnd(await records.size(signal), most)) {
      const found = await records.page(offset, limit, TEXTS, signal)
      for (const [creator, own] of Map.groupBy(found, ({ id }) => creatorOf(id))) {
        if (creator !== undefined) contents.get(from.shards.of(creator as CreatorId))?.found(own)
      }
      await pace.wait(found.length)
    }
  }
  await together(pace, shards, shard => to.shards.readShard(shard, undefined, find, signal))
}

/**
 * Compares what creators of a shard have with what was copied of it: records, and their texts and metadata, and the
 * vectors of some.
 * @param isFound whether a creator's records, texts and metadata are known to be the same
 * @returns those who do not have the same there
 */
export async function differentCreators(
  move: Move,
  shard: number,
  creators: readonly ShardCreator[],
  isFound: (creator: CreatorId) => boolean,
): Promise<CreatorId[]> {
  const different = new Set<string>()
  const kindOf = ({ creator }: ShardCreator) => {
    if (!move.embedsAnew && hasVectorsCompared(shard, move.to.shards.of(creator))) return 'vectors'
    return isFound(creator) ? 'found' : 'texts'
  }
  const { vectors = [], texts = [] } = Object.groupBy(creators, kindOf)
  const partsLike = (own: readonly ShardCreator[], compared: Compared) => {
    const most = move.pace.atMost(compared.records)
    return [...partsOf(own, most, compared.creators)].map(part => {
      const names = part.map(({ creator }) => creator)
      const isLarge = part.length === 1 && part[0]!.records > most
      return () => (isLarge ? largeDiffers : partDiffers)(move, shard, names, compared.include)
    })
  }
  const parts = [...partsLike(vectors, WITH_VECTORS), ...partsLike(texts, WITHOUT_VECTORS)]
  await together(move.pace, parts, async compare => {
    for (const creator of await compare()) different.add(creator)
  })
  return [...different] as CreatorId[]
}

/** All that creators have where they were copied to, by shard. */
async function recordsThere(
  { to, signal, pace }: Move,
  creators: readonly CreatorId[],
  include: Include[],
): Promise<StoredRecord[]> {
  const there: StoredRecord[] = []
  // Chroma takes many times as long for as many such requests at once.
  for (const [target, own] of Map.groupBy(creators, creator => to.shards.of(creator))) {
    there.push(...(await recordsIn(to.shards, target, own, { include }, signal)))
  }
  await pace.wait(there.length)
  return there
}

type Differs = (
  move: Move,
  shard: number,
  creators: readonly CreatorId[],
  include: Include[],
) => Promise<string[]>

/** All that they have here at once, and there by where they are. */
const partDiffers: Differs = async (move, shard, creators, include) => {
  const { from, embedsAnew, signal } = move
  const here = await recordsIn(from.shards, shard, creators, { include }, signal)
  const there = await recordsThere(move, creators, include)
  const versions = CurrentVersions.among(here.map(({ id }) => id))
  return differing(
    here.filter(({ id }) => versions.has(id)),
    there,
    embedsAnew,
  )
}

/** Some of what one has after the other. */
const largeDiffers: Differs = async (
  { from, to, embedsAnew, signal, pace },
  shard,
  creators,
  include,
) => {
  const target = to.shards.of(creators[0]!)
  const idsIn = (shards: ShardCollections, of: number) =>
    shards.readShard(of, [], records => currentIds(records, creators, signal), signal)
  const here = await idsIn(from.shards, shard)
  const there = new Set(await idsIn(to.shards, target))
  if (here.length !== there.size || !here.every(id => there.has(id))) return [...creators]
  const most = pace.atMost(READ)
  for (let start = 0; start < here.length; start += most) {
    const ids = here.slice(start, start + most)
    const get = (shards: ShardCollections, of: number) =>
      recordsIn(shards, of, creators, { ids, include }, signal)
    const [one, other] = await Promise.all([get(from.shards, shard), get(to.shards, target)])
    await pace.wait(ids.length)
    if (differing(one, other, embedsAnew).length > 0) return [...creators]
  }
  return []
}

const recordsIn = (
  shards: ShardCollections,
  shard: number,
  creators: readonly CreatorId[],
  options: Parameters<ChromaCollection['get']>[1],
  signal: AbortSignal,
): Promise<StoredRecord[]> =>
  shards.readShard(
    shard,
    [],
    records => records.get(whereCreators(creators), options, signal),
    signal,
  )

/** Creators of records that are on one side only, or are not the same. */
function differing(
  here: readonly StoredRecord[],
  there: readonly StoredRecord[],
  embeddedAnew: boolean,
): string[] {
  const copies = new Map(there.map(record => [record.id, record]))
  const different = here.filter(record => {
    const copy = copies.get(record.id)
    copies.delete(record.id)
    return copy === undefined || !isSame(asCopied(record, embeddedAnew), copy)
  })
  return [...different, ...copies.values()].map(({ id }) => creatorOf(id) ?? '')
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
