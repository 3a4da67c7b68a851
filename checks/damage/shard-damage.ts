import type { Where } from 'chromadb'
import { type Millis, seconds } from '../../infra/units.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { vectorFor } from '../probe/vectors.ts'
import { CurrentVersions } from '../store/records/current-versions.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { creatorOf } from '../store/records/record-id.ts'
import { ServerError } from '../transport/server-error.ts'
import { Throttle } from './throttle.ts'

/** Ids that are asked for at once. */
const PAGE = 10_000
/** Records that the index is asked for at once. */
const ASKED = 50_000
/** Creators that are named in one request. */
const NAMED = 250
/** Of those whose vectors are asked for at once, and parts that they are split into while one of them is lost. */
const VECTORS = 250
const PARTS = 16
/** Meanwhile a record that is just being written comes into the index, or goes out of the table. */
const LOOKED_AGAIN_AFTER: Millis = seconds(2)

/** Lets the records of all creators through. A question without any filter fails once Chroma was killed while it saved. */
export const EVERYBODY: Where = { [RECORD_KEYS.creator]: { $ne: '' } }

/** What is wrong with a shard's vectors. Ids are of records. */
export interface ShardDamage {
  records: number
  /** What the server says where its index cannot be loaded: then it reads nothing of the shard, texts neither. */
  unreadable?: string
  /** Records whose vector is gone. */
  lost: string[]
  /** Records that the index does not find, though their vector is there. Of versions that count only. */
  notFound: NotFound[]
}

/** Those of one creator. */
export interface NotFound {
  creator: string
  /** Chunks that the creator has. */
  chunks: number
  ids: string[]
}

/** Looks at the vectors of some records, which takes milliseconds. @param count how many */
export async function sampleShard(
  records: ChromaCollection,
  count: number,
  signal: AbortSignal,
): Promise<ShardDamage> {
  return readable(async () => {
    const size = await records.size(signal)
    const offset = Math.floor(Math.random() * Math.max(0, size - count + 1))
    const ids = await records.ids(offset, count, signal)
    const throttle = new Throttle(signal, QUARTER)
    const suspects = await withoutVector(records, ids, throttle, signal)
    if (suspects.length > 0) await throttle.pause(LOOKED_AGAIN_AFTER)
    const lost = await withoutVector(records, suspects, throttle, signal)
    return { records: size, lost, notFound: [] }
  })
}

/** Pauses three times as long as the work: a quarter of the time is used. */
export const QUARTER = 3

/**
 * Looks for every record of a shard in its index.
 * @param dimension of its vectors
 * @param pause after each request, in terms of what it took
 */
export async function examineShard(
  records: ChromaCollection,
  dimension: number,
  signal: AbortSignal,
  pause = QUARTER,
): Promise<ShardDamage> {
  const throttle = new Throttle(signal, pause)
  const vector = vectorFor('whatever is there', dimension)
  const notReached = async ({ where, ids }: Group) => {
    const reached = await unlessFaulty(
      throttle.run(() => records.reachedIds(where, vector, ids.length, signal)),
    )
    const found = new Set(reached)
    return ids.filter(id => !found.has(id))
  }
  return readable(async () => {
    const size = await records.size(signal)
    const ids = await allIds(records, throttle, signal)
    const versions = CurrentVersions.among(ids)
    const lost: string[] = []
    const notFound: string[] = []
    for (const group of groupsOf(ids)) {
      const once = new Set(await notReached(group))
      if (once.size === 0) continue
      await throttle.pause(LOOKED_AGAIN_AFTER)
      const twice = (await notReached(group)).filter(id => once.has(id))
      const gone = new Set(await withoutVector(records, twice, throttle, signal))
      lost.push(...gone)
      // Where a lost one is among those asked for the index gives none at all: nothing is known of the others then.
      if (twice.length === group.ids.length && gone.size > 0) continue
      const there = await throttle.run(() => records.get(EVERYBODY, { ids: twice, include: [] }))
      const kept = there.map(({ id }) => id).filter(id => !gone.has(id))
      notFound.push(...kept.filter(id => versions.has(id)))
    }
    return { records: size, lost, notFound: byCreator(notFound, ids, versions) }
  })
}

function byCreator(found: string[], all: string[], versions: CurrentVersions): NotFound[] {
  const ids = Map.groupBy(found, id => creatorOf(id) ?? '')
  const chunks = new Map<string, number>()
  for (const id of all) {
    const creator = creatorOf(id) ?? ''
    if (ids.has(creator) && versions.has(id)) chunks.set(creator, (chunks.get(creator) ?? 0) + 1)
  }
  return [...ids].map(([creator, own]) => ({ creator, chunks: chunks.get(creator) ?? 0, ids: own }))
}

/** Records that are asked for together, and the filter that lets them through. */
interface Group {
  where: Where
  ids: string[]
}

function* groupsOf(ids: string[]): Generator<Group> {
  if (ids.length <= ASKED) {
    if (ids.length > 0) yield { where: EVERYBODY, ids }
    return
  }
  let creators: string[] = []
  let own: string[] = []
  const group = () => ({ where: { [RECORD_KEYS.creator]: { $in: creators } }, ids: own })
  for (const [creator, more] of Map.groupBy(ids, creatorOf)) {
    if (creator === undefined) continue
    if (creators.length === NAMED || (own.length > 0 && own.length + more.length > ASKED)) {
      yield group()
      creators = []
      own = []
    }
    creators.push(creator)
    own.push(...more)
  }
  if (own.length > 0) yield group()
}

async function allIds(
  records: ChromaCollection,
  throttle: Throttle,
  signal: AbortSignal,
): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const page = await throttle.run(() => records.ids(ids.length, PAGE, signal))
    for (const id of page) ids.push(id)
    if (page.length < PAGE) return [...new Set(ids)]
  }
}

/** Those of the ids whose vector is gone: the server says only that one of those asked for is. */
async function withoutVector(
  records: ChromaCollection,
  ids: readonly string[],
  throttle: Throttle,
  signal: AbortSignal,
): Promise<string[]> {
  const lost: string[] = []
  const look = async (some: string[]): Promise<void> => {
    const ask = () => records.idsWithVectors(EVERYBODY, some, signal)
    if ((await unlessFaulty(throttle.run(ask))) !== undefined) return
    if (some.length === 1) {
      lost.push(...some)
      return
    }
    // Where one is lost most are: so they come down to single ones soon.
    const part = Math.ceil(some.length / PARTS)
    for (let start = 0; start < some.length; start += part) {
      await look(some.slice(start, start + part))
    }
  }
  for (let start = 0; start < ids.length; start += VECTORS) {
    await look(ids.slice(start, start + VECTORS))
  }
  return lost
}

/** Undefined when the server fails over one of those that were asked for. */
async function unlessFaulty<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isFaulty(error) && !UNREADABLE.test(error.message)) return undefined
    throw error
  }
}

/** As Chroma 1.5.9 says it whatever it is asked of the shard. */
const UNREADABLE = /hnsw|backfill|pickle/i

async function readable(look: () => Promise<ShardDamage>): Promise<ShardDamage> {
  try {
    return await look()
  } catch (error) {
    if (!isFaulty(error) || !UNREADABLE.test(error.message)) throw error
    return { records: 0, unreadable: error.message, lost: [], notFound: [] }
  }
}

const isFaulty = (error: unknown): error is ServerError =>
  error instanceof ServerError && error.reason === 'faulty'
