import { setTimeout as sleep } from 'node:timers/promises'
import { BATCH } from '../chroma/batches.ts'

/**
 * While a request is applied or answered, questions wait: held back, requests are short ones, of what is due in such a part
 * of a second.
 */
const SHORT = 1 / 8
const FEWEST = 20

/** Holds work back to so many records a second. */
export class Pace {
  readonly #rate: number | undefined
  readonly #signal: AbortSignal
  /** When the next may begin. */
  #free = 0

  /** @param rate undefined for as many as can be */
  constructor(rate: number | undefined, signal: AbortSignal) {
    this.#rate = rate
    this.#signal = signal
  }

  get isHeld(): boolean {
    return this.#rate !== undefined
  }

  /** Records of a request that writes. */
  get batch(): number {
    return this.atMost(BATCH)
  }

  /** Records of a request. @param most as many where nothing is held back */
  atMost(most: number): number {
    if (this.#rate === undefined) return most
    return Math.min(most, Math.max(FEWEST, Math.round(this.#rate * SHORT)))
  }

  /** Waits until so many more may be asked for. */
  async wait(records: number): Promise<void> {
    if (this.#rate === undefined) return
    const now = performance.now()
    const begins = Math.max(now, this.#free)
    this.#free = begins + (records / this.#rate) * 1000
    if (begins > now) await sleep(begins - now, undefined, { signal: this.#signal })
  }
}
