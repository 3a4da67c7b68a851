import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What cannot be interrupted, one after another, with as much time for everything else between as it took: together it
 * never has more than half of this process. Callers come in turn, each with the oldest that it has.
 */
export class BodyTurns {
  /** By caller: who is first has waited longest for its turn. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isRunning = false

  /** @param work must not throw */
  add(caller: string, work: () => void): void {
    const others = this.#waiting.get(caller)
    if (others === undefined) this.#waiting.set(caller, [work])
    else others.push(work)
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (const [caller, works] of this.#waiting) {
      // What is set anew comes last, and this loop comes to it.
      this.#waiting.delete(caller)
      const [work, ...others] = works
      if (others.length > 0) this.#waiting.set(caller, others)
      const started = performance.now()
      work!()
      await sleep(performance.now() - started)
    }
    this.#isRunning = false
  }
}
