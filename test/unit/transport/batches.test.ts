import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchesOf } from '../../../checks/chroma/batches.ts'
import { encode, type NewRecord } from '../../../checks/chroma/chroma-records.ts'
import { MiB } from '../../../infra/units.ts'

/** What Chroma takes in a request. */
const PAYLOAD = 40 * MiB

const recordOf = (text: string, keys: number, dimension: number): NewRecord => ({
  id: text.slice(0, 600),
  text,
  metadata: Object.fromEntries(
    Array.from({ length: keys }, (_, key) => [`k${key}`, key % 2 === 0 ? text : key]),
  ),
  vector: new Array(dimension).fill(1),
})

const bodyOf = (batch: readonly NewRecord[]) =>
  Buffer.byteLength(
    JSON.stringify({
      ids: batch.map(record => record.id),
      embeddings: batch.map(record => encode(record.vector)),
      documents: batch.map(record => record.text),
      metadatas: batch.map(record => record.metadata),
    }),
  )

describe('records on their way to Chroma', () => {
  const unit = fc.constantFrom('a', 'é', '漢', '😀', '"', '\n', '\u0001')
  const record = fc
    .record({
      unit,
      length: fc.constantFrom(1, 400, 8192),
      keys: fc.constantFrom(0, 5, 37),
      dimension: fc.constantFrom(1, 384, 4096),
    })
    .map(({ unit, length, keys, dimension }) => recordOf(unit.repeat(length), keys, dimension))

  it('go all in their order, in requests that the server takes', () => {
    const loads = fc.record({
      record,
      count: fc.nat(900),
      limit: fc.integer({ min: 1, max: 6000 }),
    })
    fc.assert(
      fc.property(loads, ({ record, count, limit }) => {
        const records = Array.from({ length: count }, (_, index) => ({ ...record, index }))
        const batches = [...batchesOf(records, limit)]
        expect(batches.flat()).toEqual(records)
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0)
          expect(batch.length).toBeLessThanOrEqual(limit)
        }
        const longest = batches.reduce((a, b) => (b.length > a.length ? b : a), [])
        expect(bodyOf(longest)).toBeLessThanOrEqual(PAYLOAD)
      }),
      { numRuns: 60 },
    )
  })

  it('go in a few requests of about the same size, none of a handful', () => {
    const sizes = (count: number) =>
      [...batchesOf(new Array<NewRecord>(count).fill(recordOf('a', 5, 384)), 5461)].map(
        batch => batch.length,
      )
    expect(sizes(0)).toEqual([])
    expect(sizes(1)).toEqual([1])
    expect(sizes(251)).toEqual([251])
    expect(sizes(374)).toEqual([374])
    expect(sizes(376)).toEqual([188, 188])
    expect(sizes(1001)).toEqual([251, 251, 251, 248])
  })
})
