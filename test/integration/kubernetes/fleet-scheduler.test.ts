import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Comparison, comparePlans } from '../../bench/scheduler/compare.ts'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'

/** A sample of the bench `scheduler`, which has 500 clusters and 20 orders. */
const CASES = 40
const ORDERS = 5

describe('the plan of random stacks on random simulated clusters', () => {
  let fleet: Fleet
  let results: Comparison[]
  beforeAll(async () => {
    fleet = await startFleet([], { runsPods: false })
    results = await comparePlans(fleet, CASES, ORDERS)
  })
  afterAll(() => fleet?.stop())

  it('is what the real scheduler makes of it: whatever fits always is bound, what never fits is not', () => {
    expect(results.filter(({ agrees }) => !agrees)).toEqual([])
  })

  it('says each of its verdicts, so that each is tried', () => {
    const verdicts = new Set(results.map(({ verdict }) => verdict))
    expect([...verdicts].sort()).toEqual([
      'depends on placement order',
      'fits always',
      'never fits',
    ])
  })
})
