import { setTimeout as sleep } from 'node:timers/promises'

/** Does one piece of work after another, with pauses that leave the server to others. */
export class Throttle {
  readonly #signal: AbortSignal
  readonly #pause: number
  #free = 0

  /** @param pause in terms of what the work before it took */
  constructor(signal: AbortSignal, pause: number) {
    this.#signal = signal
    this.#pause = pause
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.pause(this.#free - performance.now())
    const started = performance.now()
    try {
      return await work()
    } finally {
      const now = performance.now()
      this.#free = now + this.#pause * (now - started)
    }
  }

  async pause(millis: number): Promise<void> {
    if (millis > 0) await sleep(millis, undefined, { signal: this.#signal })
  }
}
