import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstShardMap, shardOf } from '../../../infra/shards.ts'

describe('shards', () => {
  it.each([
    // printf %s ID | sha256sum | cut -c1-16, as a number, modulo 10
    ['creator-1', 10, 4],
    ['créateur', 10, 7],
    ['创作者', 50, 18],
  ])('put %j of %i shards into shard %i', (creatorId, count, shard) => {
    expect(shardOf(creatorId, count)).toBe(shard)
  })

  it('are what the first 8 bytes of the digest say, read as one number', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.integer({ min: 5, max: 50 }),
        (id, count) => {
          const head = createHash('sha256').update(id, 'utf8').digest().readBigUInt64BE(0)
          expect(shardOf(id, count)).toBe(Number(head % BigInt(count)))
        },
      ),
    )
  })

  it('hold 100,000 creators evenly: the fullest of 10 is within 5 % of the mean', () => {
    const counts = new Array(10).fill(0)
    for (let index = 0; index < 100_000; index += 1) counts[shardOf(`creator-${index}`, 10)] += 1
    expect(Math.max(...counts)).toBeLessThan(10_500)
    expect(Math.min(...counts)).toBeGreaterThan(9_500)
  })

  it('are spread over instances so that none has two more than another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 50 }),
        fc.integer({ min: 1, max: 5 }),
        (shards, instances) => {
          const map = firstShardMap(shards, instances)
          const held = Array.from(
            { length: instances },
            (_, instance) => map.filter(i => i === instance).length,
          )
          expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
})
