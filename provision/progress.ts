/**
 * What a piece of work over a second long is given: where it says how far it is, and how it is told to stop.
 * `report` replaces the line it wrote before; a terminal shows the newest, a log the ones some seconds apart.
 */
export interface Task {
  report(text: string): void
  /** A line that stays, for what is worth knowing before a long way is gone. */
  note?(text: string): void
  signal: AbortSignal
}
