import { Failure } from '../../infra/failure.ts'
import type { Generation } from '../store/generations.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { LAST_KEY, type MoveTarget, NO_KEY } from '../store/shards/shard-move.ts'
import { movedThrough } from './move-shard.ts'

/** What there is to be moved. */
export interface FoundMove {
  /** The generation that all creators were in, if only before the move that is under way. */
  from: Generation
  /** Where they are being moved to. */
  target: MoveTarget | undefined
  /** Whether some have moved there. */
  hasMoved: boolean
  /** Those that all creators have left. */
  left: Generation[]
}

/** What is not done while creators move. */
export const moveUnderWay = (target: MoveTarget): Failure =>
  new Failure('misused', `Creators are being moved to generation ${target.generation}`, {
    mend: 'end that first: npm run reshard; or take it back, while nobody has moved: npm run reshard -- --undo',
  })

/** Whether a move is under way: what a killed mover said last is not heard any more. */
export async function findMove(
  { generations }: Knowledge,
  signal: AbortSignal,
): Promise<FoundMove> {
  const left: Generation[] = []
  let from = generations.first
  for (;;) {
    const records = await from.shards.layouts.readAll(from.shards.settings.shards, signal)
    const target = records.find(({ move }) => move !== undefined)?.move?.move
    const through: string[] = []
    for (const [shard, { move }] of records.entries()) {
      through.push(await movedThrough(from.shards, shard, move))
    }
    if (target === undefined || !through.every(key => key === LAST_KEY)) {
      return { from, target, hasMoved: through.some(key => key !== NO_KEY), left }
    }
    left.push(from)
    from = generations.open(target)
  }
}
