import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Creator } from '../../checks/knowledge/creator.ts'
import type { Filter } from '../../checks/knowledge/filter.ts'
import type { CallerMetadata } from '../../checks/knowledge/metadata.ts'
import { vectorFor } from '../../checks/probe/vectors.ts'
import { type RunningChroma, startChroma } from '../support/chroma.ts'
import { openStore, outputsOf } from '../support/deployment.ts'

const DIMENSION = 8
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

function matches(filter: object, value: Value): boolean {
  const [key, content] = Object.entries(filter)[0]!
  if (key === '$and') return content.every((part: object) => matches(part, value))
  if (key === '$or') return content.some((part: object) => matches(part, value))
  if (typeof content !== 'object') return value === content
  const [operator, operand] = Object.entries(content)[0]!
  return MEANINGS[operator]!(value, operand as never)
}

const number = fc.constantFrom(-2, -1.7, -1.5, -1, -0.5, 0, 0.5, 1, 1.2, 1.5, 2, 2.5, 2.7, 3)
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
const filter = fc.letrec<{ filter: object }>(tie => ({
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
})).filter

describe("a caller's filter", () => {
  let chroma: RunningChroma
  let store: Awaited<ReturnType<typeof openStore>>
  let creator: Creator

  beforeAll(async () => {
    chroma = await startChroma()
    store = await openStore(outputsOf({ chroma: [chroma.url], dimensions: DIMENSION }))
    creator = store.knowledge.creator('someone')
    const documents = VALUES.map((value, index) => ({
      id: `${index}`,
      metadata: (value === undefined ? {} : { value }) as CallerMetadata,
      chunks: [{ text: 'x', vector: vectorFor(`${index}`, DIMENSION) }],
    }))
    await creator.upsert(documents)
  })
  afterAll(async () => {
    await store.close()
    await chroma.stop()
  })

  it('finds exactly what it says, whole numbers, fractions, texts and truths mixed', async () => {
    await fc.assert(
      fc.asyncProperty(filter, async filter => {
        const found = await creator.get({ filter: filter as Filter })
        const wanted = VALUES.flatMap((value, index) =>
          matches(filter, value) ? [`${index}`] : [],
        )
        expect(found.map(({ document }) => document).sort()).toEqual(wanted.sort())
      }),
      { numRuns: 1000 },
    )
  })
})
