import { raceAbort } from '../../transport/race-abort.ts'

/** Lets the work of one key be done one after another, in the order in which it came. */
export class KeyedMutex {
  /** When the last work of a key will be over, with all that came before it. */
  readonly #last = new Map<string, Promise<unknown>>()

  runExclusive<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.runExclusiveForAll([key], work, signal)
  }

  /**
   * Work of several keys: after what came before it for any of them, and before what comes later. Who gives up while
   * waiting is let go at once, with all that the work would have needed, and the others keep their order.
   */
  async runExclusiveForAll<T>(
    keys: readonly string[],
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const before = Promise.all(keys.map(key => this.#last.get(key)))
    const own = Promise.withResolvers<void>()
    const over = Promise.all([before, own.promise]).then(() => {
      for (const key of keys) if (this.#last.get(key) === over) this.#last.delete(key)
    })
    for (const key of keys) this.#last.set(key, over)
    try {
      await raceAbort(before, signal)
      return await work()
    } finally {
      own.resolve()
    }
  }
}
