import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import type { Creator } from '../../../checks/store/creator.ts'
import type { Filter } from '../../../checks/store/filter/filter.ts'
import { clausesOf, SERVER_CLAUSES } from '../../../checks/store/filter/server-clauses.ts'
import { toWhere } from '../../../checks/store/filter/where.ts'
import type { Chunk } from '../../../checks/store/records/document.ts'
import type { CallerMetadata } from '../../../checks/store/records/metadata.ts'
import { casesOf, SEED } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'

const DIMENSION = 8
const QUESTION = vectorFor('a question', DIMENSION)
/** What the documents have under the key `value`; the last one has no such key. */
const VALUES = [
  -2,
  -1.5,
  -1,
  0,
  0.5,
  1,
  1.5,
  2,
  2.5,
  3,
  'a',
  'b',
  'true',
  '1',
  true,
  false,
  // Chroma reads such a number as its neighbour.
  100.78399658203125,
  undefined,
]

type Value = string | number | boolean | undefined

/** What each condition means; a document without the key, or with a value of another type, is not equal. */
const MEANINGS: Record<string, (value: Value, operand: never) => boolean> = {
  $eq: (value, operand) => value === operand,
  $ne: (value, operand) => value !== operand,
  $gt: (value, operand) => typeof value === 'number' && value > operand,
  $gte: (value, operand) => typeof value === 'number' && value >= operand,
  $lt: (value, operand) => typeof value === 'number' && value < operand,
  $lte: (value, operand) => typeof value === 'number' && value <= operand,
  $in: (value, list: Value[]) => list.includes(value),
  $nin: (value, list: Value[]) => !list.includes(value),
}

function lets(filter: object, value: Value): boolean {
  const [key, content] = Object.entries(filter)[0]!
  if (key === '$and') return content.every((part: object) => lets(part, value))
  if (key === '$or') return content.some((part: object) => lets(part, value))
  if (typeof content !== 'object') return value === content
  const [operator, operand] = Object.entries(content)[0]!
  return MEANINGS[operator]!(value, operand as never)
}

const number = fc.constantFrom(
  -2,
  -1.7,
  -1.5,
  -1,
  -0.5,
  0,
  0.5,
  1,
  1.2,
  1.5,
  2,
  2.5,
  2.7,
  3,
  100.78399658203125,
)
const value = fc.oneof(number, fc.constantFrom('a', 'b', 'c', 'true', '1'), fc.boolean())
const condition = fc.oneof(
  value,
  fc.tuple(fc.constantFrom('$eq', '$ne'), value).map(pair => Object.fromEntries([pair])),
  fc
    .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), number)
    .map(pair => Object.fromEntries([pair])),
  fc
    .tuple(fc.constantFrom('$in', '$nin'), fc.array(value, { minLength: 1, maxLength: 4 }))
    .map(pair => Object.fromEntries([pair])),
)
const filter = fc
  .letrec<{ filter: object }>(tie => ({
    filter: fc.oneof(
      { maxDepth: 2 },
      condition.map(value => ({ value })),
      fc
        .tuple(
          fc.constantFrom('$and', '$or'),
          fc.array(tie('filter'), { minLength: 1, maxLength: 3 }),
        )
        .map(pair => Object.fromEntries([pair])),
    ),
  }))
  .filter.filter(filter => clausesOf(toWhere(filter as Filter)) <= SERVER_CLAUSES)

/** A creator whose chunks are all looked at here, and one with so many that the server looks for those that match. */
const CREATORS = { few: 1, many: 3 }

describe("a caller's filter", () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>
  let creators: { chunks: number; creator: Creator }[]

  beforeAll(async () => {
    chroma = await startChroma()
    store = await openStore(outputsOf({ chroma: [chroma.url], dimensions: DIMENSION }))
    creators = Object.entries(CREATORS).map(([id, chunks]) => ({
      chunks,
      creator: store.knowledge.creator(id),
    }))
    for (const { creator, chunks } of creators) {
      const vectors = Array.from({ length: chunks }, (_, index) => vectorFor(`${index}`, DIMENSION))
      const documents = VALUES.map((value, index) => ({
        id: `${index}`,
        metadata: (value === undefined ? {} : { value }) as CallerMetadata,
        chunks: vectors.map(vector => ({ text: 'x', vector })),
      }))
      await creator.upsert(documents)
    }
  })
  afterAll(async () => {
    await store.close()
    await chroma.stop()
  })

  it('finds exactly what it says, whole numbers, fractions, texts and truths mixed', async () => {
    await fc.assert(
      fc.asyncProperty(filter, async filter => {
        const wanted = VALUES.flatMap((value, index) => (lets(filter, value) ? [`${index}`] : []))
        for (const { creator, chunks } of creators) {
          const all = wanted.flatMap(id => Array.from({ length: chunks }, () => id)).sort()
          const asked = { filter: filter as Filter }
          expect(documentsOf(await creator.get(asked))).toEqual(all)
          const hits = await creator.query({ vector: QUESTION }, { ...asked, count: 100 })
          expect(documentsOf(hits)).toEqual(all)
        }
      }),
      { seed: SEED, numRuns: casesOf('filters, held to a model of them') },
    )
  })

  it('goes together with documents', async () => {
    for (const { creator, chunks } of creators) {
      const asked = { filter: { value: { $gt: 0 } }, documents: ['0', '4', '9', '10'] }
      expect(await creator.count(asked)).toBe(2 * chunks)
      const hits = await creator.query({ vector: QUESTION }, asked)
      expect(new Set(documentsOf(hits))).toEqual(new Set(['4', '9']))
    }
  })

  it('is answered with as many comparisons as are allowed, each with long lists', async () => {
    const fractions = (from: number) => Array.from({ length: 64 }, (_, index) => from + index + 0.5)
    const lists = [0, 1, 2, 3].map(from => ({ value: { $nin: fractions(from) } }))
    const wanted = VALUES.filter(value => lists.every(filter => lets(filter, value))).length
    for (const { creator, chunks } of creators) {
      expect(await creator.count({ filter: { $and: lists } })).toBe(wanted * chunks)
    }
  })

  it('is refused, and no fault of the server, when it says more than that can take', async () => {
    const list = Array.from({ length: 64 }, (_, index) => index + 0.5)
    const filter = { $or: Array.from({ length: 63 }, () => ({ value: { $in: list } })) }
    for (const { creator } of creators) {
      await expect(creator.query({ vector: QUESTION }, { filter })).rejects.toMatchObject({
        kind: 'misused',
        message: expect.stringContaining('it takes 126 comparisons; allowed are 8'),
      })
    }
  })

  const documentsOf = (chunks: Chunk[]) => chunks.map(({ document }) => document).sort()
})
