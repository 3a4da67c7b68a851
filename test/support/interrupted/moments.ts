import type { Draw } from '../kills/draw.ts'
import { PHASES, type Phase } from './update-phases.ts'

/** What happens to an `up`. A kill of its command leaves the engine at work. */
export const ACTIONS = ['kill -9 of the engine', 'kill -9 of the command', 'Ctrl-C'] as const
export type Action = (typeof ACTIONS)[number]

/** When an `up` is to be interrupted, and how. */
export interface Moment {
  action: Action
  phase: Phase
  /** 0 … 1: the part of the time that a whole `up` is in the phase. */
  part: number
}

/** The phases of an `up` in which it was measured to be, with the milliseconds that it was in each. */
export type Durations = ReadonlyMap<Phase, number>

/**
 * So many moments of an `up` like the one that was measured. Each phase comes before any comes twice, and so does each
 * action; the last phase, when all is done, is not drawn.
 */
export function drawMoments(draw: Draw, count: number, measured: Durations): Moment[] {
  const phases = PHASES.filter(phase => phase !== 'end' && measured.has(phase))
  const nextPhase = rounds(draw, phases)
  const nextAction = rounds(draw, ACTIONS)
  return Array.from({ length: count }, () => ({
    action: nextAction(),
    phase: nextPhase(),
    part: draw.next(),
  }))
}

/** By phase and time, for ups that each go on where the one before was interrupted. */
export const inOrder = (moments: readonly Moment[]): Moment[] =>
  moments.toSorted((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) || a.part - b.part)

/** Draws all of the items, in an order that is another each time, before any of them again. */
function rounds<T>(draw: Draw, items: readonly T[]): () => T {
  let left: T[] = []
  return () => {
    if (left.length === 0) left = [...items]
    return left.splice(draw.below(left.length), 1)[0]!
  }
}
