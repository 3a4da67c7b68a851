import { setTimeout as sleep } from 'node:timers/promises'

/** Pauses, in terms of what the work before took: so a quarter of the time is used at most. */
const PAUSE = 3

/** Does one piece of work after another, with pauses that leave the server to others. */
export class Throttle {
  readonly #signal: AbortSignal
  #free = 0

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.pause(this.#free - performance.now())
    const started = performance.now()
    try {
      return await work()
    } finally {
      const now = performance.now()
      this.#free = now + PAUSE * (now - started)
    }
  }

  async pause(millis: number): Promise<void> {
    if (millis > 0) await sleep(millis, undefined, { signal: this.#signal })
  }
}
