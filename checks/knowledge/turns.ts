/** Lets the work of one key be done one after another, in the order in which it came. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.takeAll([key], work)
  }

  /** Work of several keys: after what came before it for any of them, and before what comes later. */
  async takeAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    // Whether the work before it went well is for the one who asked for that.
    const before = keys.map(key => this.#last.get(key)?.catch(() => {}))
    const own = Promise.all(before).then(work)
    for (const key of keys) this.#last.set(key, own)
    try {
      return await own
    } finally {
      for (const key of keys) if (this.#last.get(key) === own) this.#last.delete(key)
    }
  }
}
