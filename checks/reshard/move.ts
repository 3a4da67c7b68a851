import type { Generation } from '../store/generations.ts'
import type { Pace } from '../store/pace.ts'

/** What moves, and how. */
export interface Move {
  from: Generation
  to: Generation
  /** With vectors of another model. */
  embedsAnew: boolean
  signal: AbortSignal
  pace: Pace
  /** Told of records that were copied. */
  onCopied(records: number): void
}
