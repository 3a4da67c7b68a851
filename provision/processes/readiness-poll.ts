import { setTimeout as sleep } from 'node:timers/promises'
import { type Millis, seconds } from '../../infra/units.ts'

const INTERVAL: Millis = 25
const ONE_ANSWER: Millis = seconds(5)

/**
 * Polls a URL until it answers with success.
 * @returns true when it did; false when the deadline came first or `giveUp` said that waiting is in vain
 * @throws the signal's reason on abort
 */
export async function becomesReady(
  url: string,
  within: Millis,
  giveUp: () => boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = Date.now() + within
  while (Date.now() < deadline && !giveUp()) {
    signal.throwIfAborted()
    if (await answers(url, signal)) return true
    await sleep(INTERVAL, undefined, { signal })
  }
  return false
}

async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(ONE_ANSWER)]),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
