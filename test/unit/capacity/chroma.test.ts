import { describe, expect, it } from 'vitest'
import {
  adviseShards,
  type DataDemand,
  estimateChroma,
  queryMillis,
  vectorBytes,
} from '../../../infra/capacity/chroma-memory.ts'
import { MiB } from '../../../infra/units.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

const DATA: DataDemand = {
  creators: 30_000,
  chunksPerCreator: 10,
  dimensions: 384,
  metadataBytes: 500,
  shards: 10,
  instances: 1,
}

describe('the memory of a vector', () => {
  // Growth of the real server's own pages from 10,000 vectors on, in 10 shards.
  it.each([
    [384, 300_000, 2168],
    [768, 200_000, 3859],
  ])(
    'at %i dimensions is within 10 %% of the measured growth to %i vectors, %i bytes',
    (dimensions, vectors, measured) => {
      const planned = vectorBytes(dimensions, vectors / 10)
      expect(Math.abs(planned - measured) / measured).toBeLessThan(0.1)
    },
  )

  it('is more where an index has just doubled its slots', () => {
    expect(vectorBytes(384, 33_000)).toBeGreaterThan(vectorBytes(384, 32_000))
  })
})

describe('a Chroma instance', () => {
  it('is given more memory than the real server held with 300,000 vectors', () => {
    const measured = 771_059_712
    expect(estimateChroma(DATA).memory).toBeGreaterThan(measured)
    expect(estimateChroma(DATA).memory).toBeLessThan(measured * 1.25)
  })

  it('is given more disk than the real server took', () => {
    const measured = 1_400_207_212
    expect(estimateChroma(DATA).disk).toBeGreaterThan(measured)
  })

  it('holds its share of the vectors', () => {
    const two = estimateChroma({ ...DATA, instances: 2 })
    expect(two.vectors).toBe(150_000)
    expect(estimateChroma(DATA).memory - two.memory).toBeGreaterThan(250 * MiB)
  })

  it.each([
    ['creators', -1],
    ['dimensions', 0],
    ['chunksPerCreator', Number.NaN],
  ])('cannot be planned with %s of %d', (what, count) => {
    const refusal = refusalOf(() => estimateChroma({ ...DATA, [what]: count }))
    expect(refusal.text).toContain(`${what} is ${count}`)
  })
})

describe('the advised shard count', () => {
  const MANY = { creators: 1e6, chunksPerCreator: 30 }

  it('is the fewest that answer in time', () => {
    const advice = adviseShards(MANY, 50)
    expect(advice.meets).toBe(true)
    expect(advice.queryMillis).toBeLessThanOrEqual(50)
    expect(advice.shards).toBeGreaterThan(5)
    const wanted = adviseShards(MANY, advice.queryMillis - 0.1)
    expect(wanted.shards).toBeGreaterThan(advice.shards)
  })

  it('is never below 5 and never above 50, and says when that is too few', () => {
    expect(adviseShards({ creators: 10, chunksPerCreator: 1 }, 1000).shards).toBe(5)
    expect(adviseShards(MANY, 10)).toMatchObject({ shards: 50, meets: false })
  })

  it("goes by the store's own queries: 2.8 ms with 20 chunks and 6 with some 110, at 30,000 vectors a shard", () => {
    const millis = (creators: number, chunksPerCreator: number) =>
      queryMillis({ creators, chunksPerCreator }, 10)
    expect(millis(30_000, 10)).toBeCloseTo(2.8, 0)
    expect(millis(2700, 110)).toBeCloseTo(6, 0)
  })

  it('is not asked for by a stack of 100,000 creators in 10 shards', () => {
    expect(adviseShards({ creators: 100_000, chunksPerCreator: 10 }, 30).shards).toBeLessThan(10)
  })
})
