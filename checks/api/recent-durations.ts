import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { z } from 'zod'
import { type Millis, minutes, roundMillis } from '../../infra/units.ts'

const KEPT: Millis = minutes(5)
const MINUTE: Millis = minutes(1)
/** A histogram counts whole numbers: microseconds. */
const MICROS = 1000

/** How long what was done in the last minutes took; null where nothing was done. */
export const Durations = z.object({
  minutes: z.int().positive(),
  count: z.int().nonnegative(),
  p50Millis: z.number().nullable(),
  p99Millis: z.number().nullable(),
})
export type Durations = z.infer<typeof Durations>

/** Durations of the last five minutes, by minute, so that those of before can go. */
export class RecentDurations {
  readonly #now: () => number
  readonly #byMinute = new Map<number, RecordableHistogram>()

  constructor(now: () => number) {
    this.#now = now
  }

  record(took: Millis): void {
    this.#forgetOld()
    const minute = Math.floor(this.#now() / MINUTE)
    const histogram = this.#byMinute.get(minute) ?? createHistogram()
    this.#byMinute.set(minute, histogram)
    histogram.record(Math.max(1, Math.round(took * MICROS)))
  }

  report(): Durations {
    this.#forgetOld()
    const all = createHistogram()
    for (const histogram of this.#byMinute.values()) all.add(histogram)
    const at = (percent: number) =>
      all.count === 0 ? null : roundMillis(all.percentile(percent) / MICROS)
    return { minutes: KEPT / MINUTE, count: all.count, p50Millis: at(50), p99Millis: at(99) }
  }

  #forgetOld(): void {
    const oldest = Math.floor((this.#now() - KEPT) / MINUTE)
    for (const minute of this.#byMinute.keys()) {
      if (minute <= oldest) this.#byMinute.delete(minute)
    }
  }
}
