import type { Millis } from '../infra/units.ts'

/**
 * What a piece of work over a second long is given: where it says how far it is, and how it is told to stop.
 * `report` replaces what it said before: a terminal shows the newest, a log some of it.
 */
export interface Task {
  /** @param part names that of several things going on side by side which this is about, and has a row of its own */
  report(text: string, part?: string): void
  /** A part has come to its end, and is not told of any more. */
  ended?(part: string): void
  /** About how long all of it goes on from now, where that is known from before. */
  expect?(rest: Millis): void
  /** A line that stays, for what is worth knowing before a long way is gone. */
  note?(text: string): void
  signal: AbortSignal
}
