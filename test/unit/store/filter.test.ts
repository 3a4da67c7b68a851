import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCreatorId } from '../../../checks/store/creator-id.ts'
import { parseFilter, scoped } from '../../../checks/store/filter/filter.ts'
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
