import { performance } from 'node:perf_hooks'
import { setImmediate as nextImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BodyRate, SLOWEST } from '../../../checks/api/traffic/body-rate.ts'

describe('the rate that a body comes with', () => {
  let now: number
  let ended: number
  let body: ReturnType<BodyRate['watch']>

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    now = 0
    ended = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    body = new BodyRate().watch(() => {
      ended += 1
      body.done()
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  /** One second in which so many bytes come. @param late milliseconds that the look at its end is late */
  async function second(bytes: number, late = 0) {
    body.arrived(bytes)
    now += 1000 + late
    vi.advanceTimersByTime(1000)
    await nextImmediate()
  }

  it('ends one of which nothing comes after two whole seconds', async () => {
    await second(0)
    await second(0)
    expect(ended).toBe(0)
    await second(0)
    expect(ended).toBe(1)
    await second(0)
    expect(ended).toBe(1)
  })

  it('is judged by the last two seconds, however much came before', async () => {
    await second(1000 * SLOWEST)
    for (let count = 0; count < 5; count += 1) await second(SLOWEST)
    expect(ended).toBe(0)
    await second(SLOWEST)
    await second(SLOWEST - 1)
    expect(ended).toBe(1)
  })

  it('may fall for one second when the other makes up for it', async () => {
    for (let count = 0; count < 5; count += 1) {
      await second(2 * SLOWEST)
      await second(0)
    }
    expect(ended).toBe(0)
  })

  it('is not judged by a time in which nobody could be heard', async () => {
    await second(SLOWEST)
    await second(0)
    await second(0, 600)
    await second(0)
    await second(0)
    expect(ended).toBe(0)
    await second(0)
    expect(ended).toBe(1)
  })

  it('counts what is heard between the look and the judgement', async () => {
    await second(SLOWEST)
    await second(SLOWEST)
    now += 1000
    vi.advanceTimersByTime(1000)
    // What the poll phase reads, which comes after the timers.
    body.arrived(SLOWEST)
    await nextImmediate()
    expect(ended).toBe(0)
  })

  it('is no matter once it has come', async () => {
    body.done()
    for (let count = 0; count < 4; count += 1) await second(0)
    expect(ended).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
