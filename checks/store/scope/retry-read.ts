import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../infra/failure.ts'
import { type Millis, seconds } from '../../../infra/units.ts'
import { raceAbort } from '../../transport/race-abort.ts'

const TRIES = 8
const FIRST_PAUSE: Millis = seconds(0.01)

/**
 * Reads again while documents change under the reading.
 * @param read gives undefined then
 * @throws Failure `unavailable` when they changed each time
 */
export async function retryRead<T>(
  read: () => Promise<T | undefined>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const found = await read()
    if (found !== undefined) return found
    await raceAbort(sleep(2 ** tried * FIRST_PAUSE * Math.random()), signal)
  }
  throw new Failure('unavailable', 'Other processes go on writing the documents that are read', {
    mend: 'read them again',
  })
}
