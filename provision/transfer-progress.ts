import { type Bytes, formatBytes, formatDuration, type Millis, seconds } from '../infra/units.ts'

/** The rate is that of the last while, so that it follows the network and not the average of the night. */
const RATE_OVER: Millis = seconds(10)

/** Follows a transfer that comes in parts: how far it is, how fast, and whether anything new has come. */
export class TransferProgress {
  readonly #parts = new Map<string, { completed: Bytes; total: Bytes }>()
  #samples: { at: Millis; completed: Bytes }[] = []

  /**
   * Takes a report on one part.
   * @param now milliseconds of any clock that only goes forward
   * @returns whether more of the part is there than ever before: a part that starts over brings nothing new
   */
  update(part: string, completed: Bytes, total: Bytes, now: Millis): boolean {
    const before = this.#parts.get(part)
    const isNew = completed > (before?.completed ?? 0)
    this.#parts.set(part, { completed: Math.max(completed, before?.completed ?? 0), total })
    // The first report of a part may hold what an earlier run left, which says nothing about the rate.
    if (before === undefined) this.#samples = []
    this.#samples.push({ at: now, completed: this.completed })
    this.#samples = this.#samples.filter(sample => sample.at >= now - RATE_OVER)
    return isNew
  }

  get completed(): Bytes {
    return this.#sum('completed')
  }

  /** Of the parts seen so far. */
  get total(): Bytes {
    return this.#sum('total')
  }

  /** `45.2 MiB of 258 MiB, 11.3 MiB/s, 19.0 s left`; without rate and rest while nothing moves. */
  describe(): string {
    const amount = `${formatBytes(this.completed)} of ${formatBytes(this.total)}`
    const rate = this.#rate()
    if (rate === 0) return amount
    const left = ((this.total - this.completed) / rate) * 1000
    return `${amount}, ${formatBytes(rate)}/s, ${formatDuration(left)} left`
  }

  /** Bytes per second. */
  #rate(): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || first.at === last.at) return 0
    return ((last.completed - first.completed) / (last.at - first.at)) * 1000
  }

  #sum(field: 'completed' | 'total'): Bytes {
    let sum = 0
    for (const part of this.#parts.values()) sum += part[field]
    return sum
  }
}
