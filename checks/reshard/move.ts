import type { Generation } from '../store/generations.ts'
import type { MoveTarget } from '../store/shards/shard-move.ts'

/** What moves, and how. */
export interface Move {
  from: Generation
  to: Generation
  target: MoveTarget
  signal: AbortSignal
  /** Told of records that were copied; may hold the copying back. */
  onCopied(records: number): Promise<void>
}
