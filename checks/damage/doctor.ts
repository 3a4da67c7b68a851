import type { ChromaCollection } from '../chroma/collection.ts'
import { findMove } from '../reshard/find-move.ts'
import { rebuildShard } from '../reshard/rebuild-shard.ts'
import type { Generation } from '../store/generations.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { MOST_RANKED } from '../store/query/nearest.ts'
import { relabel, replace } from './mend-records.ts'
import {
  embedAnew,
  type LostDocument,
  type LostVectors,
  rewriteUnfound,
  sortLost,
} from './mend-shard.ts'
import { isMissed } from './missed.ts'
import { examineRecords } from './record-damage.ts'
import { EVERYBODY, examineShard, type ShardDamage } from './shard-damage.ts'
import { Throttle } from './throttle.ts'

/** Pauses as long as the work: somebody waits for it. */
const HALF = 1

export interface Treatment {
  /** Damage is mended, as far as that can be done. */
  fix: boolean
  /** Records that the store did not write are deleted. */
  deleteForeign: boolean
  /** A shard may be built anew: nobody else works on the data. */
  mayRebuild: boolean
  /** Records that the index of a collection has, deleted ones too, by its UUID; of none where nobody can look. */
  indexed?: ReadonlyMap<string, number>
  /** Vectors of which nobody knows where they were from are made again by the embedding model. */
  embedUnknown: boolean
  signal: AbortSignal
  /** Told of each shard as it is looked at. */
  report(text: string): void
}

/** What was found of a shard, and what was done. */
export interface ShardDiagnosis {
  collection: string
  /** Chroma's id of it. */
  collectionId: string
  server: string
  /** Index of the server. */
  instance: number
  records: number
  /** What the server says where it reads nothing of the shard. */
  unreadable?: string
  /** Records whose vectors were lost. */
  lostVectors: number
  /** Of them, those that have one again. */
  embeddedAnew: number
  given: LostDocument[]
  unknown: LostDocument[]
  /** Records that the index did not find, of creators whose questions go by it. */
  notFound: number
  /** Of them, those that were written anew. */
  rewritten: number
  /** Records that the store did not write, some of their ids, and how many of them were deleted. */
  foreign: number
  foreignIds: string[]
  deleted: number
  /** Records whose metadata does not say what their id says, and those that do again. */
  mislabelled: number
  relabelled: number
  /** Records of creators whose shard is another, and those that are there now. */
  misplaced: number
  replaced: number
  /** Records that count nowhere: no question shows them. */
  dead: number
  /** Records that the index has, deleted ones too; absent where nobody can look. */
  indexed?: number
  /** The shard was built anew, with what counts of it. */
  rebuilt: boolean
  /** Nothing is lost or missed by questions, or is any more. */
  sound: boolean
}

/** A shard is built anew where so many of its records count nowhere, or its index has so many times as many. */
const MOST_DEAD = 0.1
const MOST_INDEXED = 2
/** Fewer are no burden, whatever their part is. */
const FEW = 1000
/** Ids that are named. */
const NAMED = 20

/**
 * Looks at all shards for damage of their indexes and records, lost vectors, and what has outgrown its data; mends it from
 * what is stored.
 */
export async function diagnose(
  knowledge: Knowledge,
  treatment: Treatment,
): Promise<ShardDiagnosis[]> {
  const generation = await knowledge.generations.newest(treatment.signal)
  const { shards } = generation
  const found: ShardDiagnosis[] = []
  for (const [shard, { id, name }] of await shards.existing(treatment.signal)) {
    treatment.report(name)
    const records = shards.server(shard).records(shards.database, id)
    const instance = shards.instanceOf(shard)
    const place = { collection: name, collectionId: id, server: records.label, instance }
    const indexed = treatment.indexed?.get(id)
    found.push({
      ...place,
      ...(await diagnoseShard(knowledge, generation, { shard, records, indexed }, treatment)),
    })
  }
  return found
}

/** A shard that is looked at. */
interface Patient {
  shard: number
  records: ChromaCollection
  /** Records that its index has; undefined where nobody can look. */
  indexed: number | undefined
}

async function diagnoseShard(
  knowledge: Knowledge,
  generation: Generation,
  { shard, records, indexed }: Patient,
  treatment: Treatment,
): Promise<Omit<ShardDiagnosis, 'collection' | 'collectionId' | 'server' | 'instance'>> {
  const { signal, fix } = treatment
  const { shards } = generation
  const examine = () => examineShard(records, shards.settings.dimension, signal, HALF)
  const before = await examine()
  if (before.unreadable !== undefined) {
    return { ...described(before, NOTHING_LOST), ...NO_RECORDS, ...UNTREATED }
  }
  const damage = await examineRecords(shards, shard, records, new Throttle(signal, HALF))
  const told = {
    foreign: damage.foreign.length,
    foreignIds: damage.foreign.slice(0, NAMED),
    mislabelled: damage.mislabelled.length,
    misplaced: damage.misplaced.length,
    dead: damage.dead,
    ...(indexed !== undefined && { indexed }),
  }
  if (!fix) {
    const lost = await sortLost(records, before.lost, signal)
    const found = described(before, lost)
    const sound = found.sound && arePlaced(told)
    return { ...found, ...told, ...UNTREATED, sound }
  }
  const relabelled = await relabel(generation, records, damage.mislabelled, Date.now(), signal)
  const replaced = await replace(generation, records, damage.misplaced, signal)
  const deleted = treatment.deleteForeign
    ? await records.delete(EVERYBODY, damage.foreign, signal)
    : 0
  const lost = await sortLost(records, before.lost, signal)
  const ids = [...lost.embedded, ...(treatment.embedUnknown ? lost.unknownIds : [])]
  const embeddedAnew = await embedAnew(records, knowledge.embedder, ids, signal)
  const isMended = relabelled + replaced + deleted + ids.length > 0
  const again = isMended ? await examine() : before
  const unfound = again.notFound.filter(({ chunks }) => chunks > MOST_RANKED)
  const rewritten = await rewriteUnfound(records, knowledge, unfound, signal)
  const after = rewritten === 0 ? again : await examine()
  const left = await sortLost(records, after.lost, signal)
  const rebuilt =
    treatment.mayRebuild &&
    hasOutgrown(told, after.records) &&
    after.lost.length === 0 &&
    (await findMove(knowledge, signal)).target === undefined
  if (rebuilt) await rebuildShard(generation, shard, treatment)
  const foreign = told.foreign - deleted
  return {
    ...described(before, left),
    ...told,
    notFound: counted(again),
    foreign,
    deleted,
    relabelled,
    replaced,
    embeddedAnew,
    rewritten,
    rebuilt,
    sound: isSound(after) && foreign === 0,
  }
}

type RecordCounts = Pick<ShardDiagnosis, 'foreign' | 'mislabelled' | 'misplaced'>

const arePlaced = ({ foreign, mislabelled, misplaced }: RecordCounts): boolean =>
  foreign + mislabelled + misplaced === 0

/** Whether much of what a shard holds is of no use. */
export const hasOutgrown = (
  { dead, indexed = 0 }: Pick<ShardDiagnosis, 'dead' | 'indexed'>,
  records: number,
): boolean =>
  (dead > FEW && dead > records * MOST_DEAD) ||
  (indexed > FEW && indexed > (records - dead) * MOST_INDEXED)

const NOTHING_LOST: LostVectors = { embedded: [], given: [], unknown: [], unknownIds: [] }
const NO_RECORDS = { foreign: 0, foreignIds: [], mislabelled: 0, misplaced: 0, dead: 0 }
const UNTREATED = {
  deleted: 0,
  relabelled: 0,
  replaced: 0,
  embeddedAnew: 0,
  rewritten: 0,
  rebuilt: false,
}

const described = (damage: ShardDamage, { given, unknown }: LostVectors) => ({
  records: damage.records,
  ...(damage.unreadable !== undefined && { unreadable: damage.unreadable }),
  lostVectors: damage.lost.length,
  given,
  unknown,
  notFound: counted(damage),
  sound: isSound(damage),
})

const counted = ({ notFound }: ShardDamage): number =>
  notFound
    .filter(({ chunks }) => chunks > MOST_RANKED)
    .reduce((sum, { ids }) => sum + ids.length, 0)

const isSound = ({ unreadable, lost, notFound }: ShardDamage): boolean =>
  unreadable === undefined && lost.length === 0 && !notFound.some(isMissed)
