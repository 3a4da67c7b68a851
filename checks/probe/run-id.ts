import { randomBytes } from 'node:crypto'
import { type Millis, minutes } from '../../infra/units.ts'

/** A run's traces are swept by another run when they are older: no verification takes near as long. */
export const ABANDONED_AFTER: Millis = minutes(10)

const DATABASE_PREFIX = 'knowledge_verify_'

/** One run of the verification. */
export interface Run {
  /** Unique, and with the time of the start in it: `1785400000000-9f86d081`. */
  id: string
  startedAt: Date
}

export function newRun(now: number): Run {
  return { id: `${now}-${randomBytes(4).toString('hex')}`, startedAt: new Date(now) }
}

/** The throwaway database of a run. */
export const scratchDatabase = (run: Run): string => DATABASE_PREFIX + run.id

/** Whether this is the throwaway database of a run that must have died: runs at the same time leave each other alone. */
export function isAbandoned(database: string, now: number): boolean {
  if (!database.startsWith(DATABASE_PREFIX)) return false
  const startedAt = Number.parseInt(database.slice(DATABASE_PREFIX.length), 10)
  return Number.isFinite(startedAt) && startedAt < now - ABANDONED_AFTER
}
