import { setTimeout as sleep } from 'node:timers/promises'

/** How far something is that is waited for. */
export interface Progress {
  done: boolean
  /** Waiting on is of no use. */
  failed?: boolean
  reason?: string
}

/** As long as the official provider waits for what has no customTimeouts. */
const DEFAULT_SECONDS = 600
const POLL_MS = 200

/** @returns what was found last: done, or not when the time was over */
export async function until(
  timeoutSeconds: number,
  signal: AbortSignal,
  look: () => Promise<Progress>,
): Promise<Progress> {
  const deadline = Date.now() + (timeoutSeconds || DEFAULT_SECONDS) * 1000
  for (;;) {
    const progress = await look()
    if (progress.done || Date.now() > deadline) return progress
    await sleep(POLL_MS, undefined, { signal })
  }
}
