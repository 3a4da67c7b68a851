import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCreatorId } from '../../../checks/store/creator-id.ts'
import { parseFilter, scoped } from '../../../checks/store/filter/filter.ts'
import { clausesOf, requireAffordable } from '../../../checks/store/filter/server-clauses.ts'
import { toWhere } from '../../../checks/store/filter/where.ts'
import { parseMetadata, RECORD_KEYS } from '../../../checks/store/records/metadata.ts'

const deep = (levels: number): unknown =>
  levels === 0 ? { topic: 'a' } : { $and: [deep(levels - 1)] }

describe("a caller's filter", () => {
  it.each([
    ['an empty object', {}],
    ['null', null],
    ['undefined', undefined],
    ['a text', 'topic'],
    ['a list', [{ topic: 'a' }]],
    ['an empty $and, which Chroma takes for everything', { $and: [] }],
    ['an empty $or', { $or: [] }],
    ['a bound that no number reaches', { year: { $lt: 1e19 } }],
    ['two keys at once', { topic: 'a', year: 2 }],
    ['an operator beside a key', { $and: [{ topic: 'a' }], topic: 'a' }],
    ['both operators', { $and: [{ topic: 'a' }], $or: [{ topic: 'a' }] }],
    ['an unknown operator', { $not: { topic: 'a' } }],
    ['an unknown condition', { topic: { $regex: '.*' } }],
    ['two conditions on a key', { year: { $gt: 1, $lt: 3 } }],
    ['no condition', { topic: {} }],
    ['a value of null', { topic: null }],
    ['a value of undefined', { topic: undefined }],
    ['an empty $in', { topic: { $in: [] } }],
    ['a comparison of texts', { topic: { $gt: 'a' } }],
    ['a number that is none', { year: Number.NaN }],
    ['another creator', { creator_id: 'other' }],
    ['another creator, deep down', { $or: [{ topic: 'a' }, { $and: [{ creator_id: 'other' }] }] }],
    ['the mark of the verification', { reserved_for: 'verification' }],
    ['the document key', { document_id: 'a' }],
    ["Chroma's own text field", { '#document': 'a' }],
    ["Chroma's own text key", { 'chroma:document': 'a' }],
    ['a key __proto__', JSON.parse('{"__proto__": "a"}')],
    ['a key __proto__ beside another', JSON.parse('{"__proto__": "a", "topic": "b"}')],
    ['a text that is no Unicode', { topic: '\ud800' }],
    ['nesting without end', deep(5000)],
    ['more clauses than anyone needs', { $or: Array.from({ length: 65 }, () => ({ topic: 'a' })) }],
  ])('is refused when it is %s', (_, filter) => {
    expect(() => parseFilter(filter)).toThrow(/is refused/)
  })

  it.each([
    [{ topic: 'a' }],
    [{ year: 3 }],
    [{ draft: true }],
    [{ year: { $gte: 3 } }],
    [{ topic: { $in: ['a', 'b'] } }],
    [{ topic: { $ne: 'a' } }],
    [{ constructor: 'a' }],
    [{ $or: [{ topic: 'a' }, { $and: [{ topic: 'b' }, { year: { $lt: 3 } }] }] }],
  ])('is taken as it is: %j', filter => {
    expect(parseFilter(filter)).toEqual(filter)
  })
})

describe('what a filter becomes', () => {
  const many = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, index) => make(index))
  const texts = many(64, index => `${index}`)
  const fractions = many(64, index => index + 0.5)
  const mixed = [...texts.slice(0, 20), ...fractions.slice(0, 20), ...many(20, n => n), true]

  it.each([
    ['a comparison', { year: { $gt: 1 } }, 1],
    ['one with a fraction', { year: { $gt: 1.5 } }, 2],
    ['a list of one type', { topic: { $in: texts } }, 1],
    ['a list of fractions', { year: { $in: fractions } }, 2],
    ['a list of all types', { year: { $nin: mixed } }, 5],
    ['several', { $or: [{ a: 'b' }, { $and: [{ c: 1.5 }, { d: { $in: [1, 'e'] } }] }] }, 5],
  ])('takes as many comparisons as it costs: %s', (_what, filter, clauses) => {
    expect(clausesOf(toWhere(parseFilter(filter)))).toBe(clauses)
    expect(() => requireAffordable(toWhere(parseFilter(filter)))).not.toThrow()
  })

  it.each([
    ['comparisons', { $and: many(9, index => ({ year: { $gte: index } })) }],
    ['comparisons with fractions', { $or: many(5, index => ({ year: { $lt: index + 0.5 } })) }],
    ['lists of several types', { $and: many(2, () => ({ year: { $nin: mixed } })) }],
    ['the most that it may say', { $or: many(63, () => ({ year: { $in: mixed } })) }],
  ])('is refused when it is too much for the server: %s', (_what, filter) => {
    expect(() => requireAffordable(toWhere(parseFilter(filter)))).toThrow(
      /it takes \d+ comparisons; allowed are 8/,
    )
  })
})

describe('the filter that is sent', () => {
  const creator = parseCreatorId('someone')

  it('is the creator alone when the caller has none', () => {
    expect(scoped(creator)).toEqual({ creator_id: { $eq: 'someone' } })
  })

  it('has the creator first and the rest joined to it by $and, whatever the caller says', () => {
    const anything = fc.oneof(fc.object(), fc.constantFrom({}, { $or: [] }, { $and: [] }))
    fc.assert(
      fc.property(anything, filter => {
        expect(scoped(creator, filter as never)).toEqual({
          $and: [{ creator_id: { $eq: 'someone' } }, filter],
        })
      }),
    )
  })
})

describe("a caller's metadata", () => {
  it.each(Object.values(RECORD_KEYS))('cannot set %s', key => {
    expect(() => parseMetadata({ [key]: 'x' }, 'd')).toThrow('the key is reserved')
  })

  it.each([
    ['null, which Chroma drops in silence', { topic: null }],
    ['undefined', { topic: undefined }],
    ['something nested', { topic: { a: 1 } }],
    ['a list', { topic: ['a'] }],
    ['infinity', { year: Number.POSITIVE_INFINITY }],
    ['an operator as a key', { $ne: 'x' }],
    ['an empty key', { '': 'x' }],
    ['a key __proto__', JSON.parse('{"__proto__": 1}')],
    [
      'a list of keys without end',
      Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i, i])),
    ],
  ])('cannot hold %s', (_, metadata) => {
    expect(() => parseMetadata(metadata, 'd')).toThrow(/of the document "d" is refused/)
  })
})
