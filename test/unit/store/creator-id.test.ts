import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_CREATOR_ID_BYTES,
  parseCreatorId,
  RESERVED_PREFIX,
} from '../../../checks/store/creator-id.ts'
import { Knowledge } from '../../../checks/store/knowledge.ts'
import { chunkOf, creatorOf, recordId } from '../../../checks/store/records/record-id.ts'

describe('a creator id', () => {
  it.each([
    ['an empty text', '', 'is empty'],
    ['a number', 7, 'is not a string but number'],
    ['an object that Chroma would take for an operator', { $ne: 'x' }, 'is not a string'],
    ['an array', ['a'], 'is not a string but an array'],
    ['null', null, 'is not a string but null'],
    ['undefined', undefined, 'is not a string but undefined'],
    ['a lone high surrogate', 'a\ud800', 'half of a surrogate pair'],
    ['a lone low surrogate', '\udc00a', 'half of a surrogate pair'],
    ['a decomposed letter', 'e\u0301', 'normalisation form C'],
    ['a letter that NFC rewrites', '\u212b', 'normalisation form C'],
    ['a text a byte too long', 'a'.repeat(MAX_CREATOR_ID_BYTES + 1), 'takes 257 bytes'],
    ['a text too long in bytes, not in characters', 'é'.repeat(129), 'takes 258 bytes'],
  ])('is refused when it is %s', (_, value, reason) => {
    expect(() => parseCreatorId(value)).toThrow(reason)
  })

  it.each([
    '__proto__',
    'constructor',
    '$ne',
    ' ',
    'a\u0000b',
    '*',
    '日本',
    'é',
    '👩‍👩‍👧',
    'A',
    'a'.repeat(MAX_CREATOR_ID_BYTES),
  ])('is taken as it is: %j', id => {
    expect(parseCreatorId(id)).toBe(id)
  })

  it('is refused to callers when it is reserved for the verification', () => {
    const knowledge = new Knowledge({} as never)
    expect(() => knowledge.creator(`${RESERVED_PREFIX}anything`)).toThrow('reserved')
  })
})

describe('a record id', () => {
  const creators = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map(text => {
    const id = text.normalize('NFC')
    return parseCreatorId(id.slice(0, 40).isWellFormed() ? id.slice(0, 40) : 'x')
  })
  // Digits and colons are what the ids are built of, so they are what could make two of them alike.
  const awkward = fc.stringMatching(/^[0-9:]{1,6}$/).map(parseCreatorId)
  const version = fc.record({
    sequence: fc.integer({ min: 1, max: 99 }),
    tag: fc.stringMatching(/^[0-9a-z]{1,8}$/),
    count: fc.integer({ min: 1, max: 99 }),
  })
  const name = fc.tuple(
    fc.oneof(creators, awkward),
    fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), awkward),
    version,
    fc.nat(200),
  )

  it('is never that of another creator, document, version or chunk', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b)
        expect(recordId(...a) === recordId(...b)).toBe(same)
      }),
      { numRuns: 20_000 },
    )
  })

  it('names the chunk that it is of', () => {
    fc.assert(
      fc.property(name, ([creator, document, version, chunk]) => {
        const id = recordId(creator, document, version, chunk)
        expect(creatorOf(id)).toBe(creator)
        expect(chunkOf(id)).toEqual({ creator, document, version, chunk })
      }),
      { numRuns: 20_000 },
    )
  })

  it('of before there were versions names none', () => {
    expect(chunkOf('3:ada5:notes17')).toEqual({
      creator: 'ada',
      document: 'notes',
      version: undefined,
      chunk: 17,
    })
  })

  it.each([
    '',
    '0',
    'a',
    '3:ab',
    '1:a',
    '1:a1:b',
    '1:a1:bc',
    '1:a9:b0',
    '9999999999:a1:b0',
    '1:a1:b1-x-1000000-0',
  ])('names none when it is of another making: %j', id => {
    expect(chunkOf(id)).toBeUndefined()
  })
})
