import { describe, expect, it } from 'vitest'
import { RecentDurations } from '../../../checks/api/recent-durations.ts'
import { minutes, seconds } from '../../../infra/units.ts'

describe('durations of the last minutes', () => {
  it('are told by the middle one and the slowest of a hundred, and forgotten after five minutes', () => {
    let now = minutes(100)
    const durations = new RecentDurations(() => now)
    const none = { minutes: 5, count: 0, p50Millis: null, p99Millis: null }
    expect(durations.report()).toEqual(none)
    for (let took = 1; took <= 100; took += 1) durations.record(took)
    const { count, p50Millis, p99Millis } = durations.report()
    expect(count).toBe(100)
    expect(p50Millis).toBeCloseTo(50, 0)
    expect(p99Millis).toBeCloseTo(99, 0)
    now += minutes(4)
    durations.record(seconds(2))
    expect(durations.report()).toMatchObject({ count: 101 })
    now += minutes(1)
    expect(durations.report()).toMatchObject({ count: 1 })
    now += minutes(5)
    expect(durations.report()).toEqual(none)
  })

  it('take what is too short to be told', () => {
    const durations = new RecentDurations(() => 0)
    durations.record(0)
    expect(durations.report()).toMatchObject({ count: 1, p50Millis: 0 })
  })
})
