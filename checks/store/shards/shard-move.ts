import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { MAX_SHARDS, MIN_SHARDS } from '../../../infra/shards.ts'
import { type CreatorId, creatorKey, isReserved } from '../creator-id.ts'
import { parseRecorded } from './parse-recorded.ts'

/** A generation that creators are moved to. */
const MoveTarget = z.object({
  generation: z.int().positive(),
  shards: z.int().min(MIN_SHARDS).max(MAX_SHARDS),
  /** For each of its shards the index of its Chroma server. */
  map: z.array(z.int().nonnegative()),
  /** The model whose vectors it has; that of the outputs where none is said. */
  embeddingModel: z.string().optional(),
})
export type MoveTarget = z.infer<typeof MoveTarget>

/** How far the creators of a shard have moved: in the order of their keys. */
const ShardMove = MoveTarget.extend({
  /** The last key up to which they have; empty for none. */
  through: z.string(),
  /** The key up to which the next are being moved, and which try that is: their writers wait for its end. */
  closing: z.object({ to: z.string(), attempt: z.string().nonempty() }).optional(),
})
export type ShardMove = z.infer<typeof ShardMove>

/** How a try ended. Whoever says it first is heard: an id that is taken stays as it is. */
export type Verdict = 'moved' | 'stayed'

/** What is recorded of a shard's move. */
export interface MoveState {
  move: ShardMove
  /** Of the try that is recorded; undefined while nobody has said it. */
  verdict: Verdict | undefined
}

/** Before all keys, and after all. */
export const NO_KEY = ''
export const LAST_KEY = '~'

/**
 * - `here`: it has not moved
 * - `moving`: it is being moved at this moment; what it has here can be read
 * - `moved`: for good
 */
export type MoveStage = 'here' | 'moving' | 'moved'

/** The verification's creators never move: what it writes it takes back from where it was. */
export function stageOf(state: MoveState | undefined, creator: CreatorId): MoveStage {
  if (state === undefined || isReserved(creator)) return 'here'
  const { move, verdict } = state
  const key = creatorKey(creator)
  if (key <= move.through) return 'moved'
  if (move.closing === undefined || key > move.closing.to) return 'here'
  return verdict === undefined ? 'moving' : verdict === 'moved' ? 'moved' : 'here'
}

/** Whether all creators of the shard have moved, those who never were here too. */
export const isOver = ({ move, verdict }: MoveState): boolean =>
  move.through === LAST_KEY || (move.closing?.to === LAST_KEY && verdict === 'moved')

/** Creators are in another generation by now: what was to be done for them is to be done there. */
export class CreatorsMoved extends Failure {
  constructor(shard: number, { generation }: MoveTarget) {
    super('unavailable', `Creators of shard ${shard} have moved to generation ${generation}`, {
      mend: 'ask again',
    })
  }
}

export const moveNameOf = (shard: number): string => `move ${shard}`
/** @param name of what is tried */
export const verdictIdOf = (name: string, attempt: string): string => `${name} ${attempt}`

/**
 * @param values of records by their ids
 * @throws Failure `misused` for what is no move: creators might be looked for where they are not
 */
export function moveIn(values: ReadonlyMap<string, string>, shard: number): MoveState | undefined {
  const name = moveNameOf(shard)
  const value = values.get(name)
  if (value === undefined) return undefined
  const move = parseRecorded(ShardMove, value, `the move of shard ${shard}`)
  const { attempt } = move.closing ?? {}
  const verdict = attempt && values.get(verdictIdOf(name, attempt))
  return { move, verdict: verdict as Verdict | undefined }
}
