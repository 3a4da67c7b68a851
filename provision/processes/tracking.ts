import { randomUUID } from 'node:crypto'
import { type Identified, identify } from './process-record.ts'
import { processesWith } from './process-table.ts'

/**
 * Environment variable with an id that a process hands on to all it starts, and they to theirs: what it left behind
 * is found by it, in whatever process group, after its parent has gone.
 */
export const TRACKING_VARIABLE = 'KNOWLEDGE_STACK_TRACKING_ID'

export const newTrackingId = (): string => randomUUID()

/** The processes that carry an id. */
export function trackedProcesses(trackingId: string): Identified[] {
  const carry = () => processesWith(TRACKING_VARIABLE, trackingId)
  const found = identify(carry())
  if (found.length === 0) return []
  // One that ended between the two looks may have left its pid to another.
  const still = new Set(carry())
  return found.filter(({ pid }) => still.has(pid))
}
