import type { Knowledge } from '../store/knowledge.ts'
import { MOST_RANKED } from '../store/query/nearest.ts'
import {
  embedAnew,
  type LostDocument,
  type LostVectors,
  rewriteUnfound,
  sortLost,
} from './mend-shard.ts'
import { isMissed } from './missed.ts'
import { examineShard, type ShardDamage } from './shard-damage.ts'

/** Pauses as long as the work: somebody waits for it. */
const HALF = 1

export interface Treatment {
  /** Damage is mended, as far as that can be done. */
  fix: boolean
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
  /** Nothing is lost or missed by questions, or is any more. */
  sound: boolean
}

/** Looks at all shards for damage of their indexes and lost vectors, and mends it from the stored texts. */
export async function diagnose(
  knowledge: Knowledge,
  treatment: Treatment,
): Promise<ShardDiagnosis[]> {
  const { shards } = await knowledge.generations.newest(treatment.signal)
  const found: ShardDiagnosis[] = []
  for (const [shard, { id, name }] of await shards.existing(treatment.signal)) {
    treatment.report(name)
    const records = shards.server(shard).records(shards.database, id)
    const instance = shards.instanceOf(shard)
    const place = { collection: name, collectionId: id, server: records.label, instance }
    const examine = () => examineShard(records, shards.settings.dimension, treatment.signal, HALF)
    const before = await examine()
    const lost = await sortLost(records, before.lost, treatment.signal)
    if (!treatment.fix || before.unreadable !== undefined) {
      found.push({ ...place, ...described(before, lost), embeddedAnew: 0, rewritten: 0 })
      continue
    }
    const ids = [...lost.embedded, ...(treatment.embedUnknown ? lost.unknownIds : [])]
    const embeddedAnew = await embedAnew(records, knowledge.embedder, ids, treatment.signal)
    const again = ids.length === 0 ? before : await examine()
    const unfound = again.notFound.filter(({ chunks }) => chunks > MOST_RANKED)
    const rewritten = await rewriteUnfound(records, knowledge, unfound, treatment.signal)
    const after = rewritten === 0 ? again : await examine()
    const left = await sortLost(records, after.lost, treatment.signal)
    found.push({
      ...place,
      ...described(before, left),
      notFound: counted(again),
      sound: isSound(after),
      embeddedAnew,
      rewritten,
    })
  }
  return found
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
