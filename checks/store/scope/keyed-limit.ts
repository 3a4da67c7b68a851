import fastq from 'fastq'
import { raceAbort } from '../../transport/race-abort.ts'

/** Lets so much work of one key be under way at once; what comes besides waits, in the order in which it came. */
export class KeyedLimit {
  readonly #most: number
  /** Of the keys that have work now. */
  readonly #queues = new Map<string, fastq.queueAsPromised<() => Promise<unknown>>>()

  constructor(most: number) {
    this.#most = most
  }

  /** Who gives up while waiting is let go at once, and its work is never begun. */
  run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const done = this.#queueOf(key).push(async () => {
      signal?.throwIfAborted()
      return work()
    })
    return raceAbort(done as Promise<T>, signal)
  }

  #queueOf(key: string): fastq.queueAsPromised<() => Promise<unknown>> {
    const known = this.#queues.get(key)
    if (known !== undefined) return known
    const queue = fastq.promise((work: () => Promise<unknown>) => work(), this.#most)
    queue.drain = () => this.#queues.delete(key)
    this.#queues.set(key, queue)
    return queue
  }

  /** Keys that have work now. */
  get size(): number {
    return this.#queues.size
  }
}
