import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { whatIsTooMuch } from '../../../checks/api/traffic/json-scan.ts'
import { BODY_DEPTH, BODY_PARTS, VECTOR } from '../../../checks/api/traffic/limits.ts'

const scan = (text: string) => whatIsTooMuch(Buffer.from(text))
const listOf = (count: number, part: string) => `[${Array(count).fill(part).join()}]`
const keysTo = (count: number, value: string) =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}": ${value}`).join()}}`
const nested = (depth: number, start: string, end: string) =>
  start.repeat(depth) + end.repeat(depth)

const isPlainNumber = (value: unknown) => typeof value === 'number' && Math.abs(value) < 1e100

/** The parts of a value, found by walking through it. */
function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const counted = Array.isArray(value)
    ? value.filter(element => !isPlainNumber(element)).length
    : Object.keys(value).length
  return Object.values(value).reduce((sum: number, part) => sum + partsOf(part), counted)
}

describe('a body that is looked through before it is parsed', () => {
  it.each([
    [
      'a document of vectors',
      `{"chunks":${listOf(200, `{"text":"a","vector":${listOf(768, '-0.1e-7')}}`)}}`,
    ],
    ['the longest vector', listOf(VECTOR, '1')],
    ['as many keys as there may be', keysTo(BODY_PARTS, '1')],
    ['as many texts as there may be', listOf(BODY_PARTS, '"a"')],
    ['the deepest lists', nested(BODY_DEPTH, '[', ']')],
    [
      'a text full of what would be too much outside of it',
      JSON.stringify('{"a":[1,'.repeat(9000)),
    ],
    ['a text that ends in backslashes', `["\\\\", ${listOf(VECTOR, '1')}]`],
    ['numbers in the exponent notation of other languages', listOf(VECTOR, '1.5e+02')],
    ['no JSON at all', 'no'],
    ['a text that never ends', '{"a'],
    ['nothing', ''],
  ])('may be %s', (_what, text) => {
    expect(scan(text)).toBeUndefined()
  })

  const PARTS = `it has more than ${BODY_PARTS} parts`
  const DEEP = `it is more than ${BODY_DEPTH} levels deep`
  it.each([
    ['too many keys', keysTo(BODY_PARTS + 1, '1'), PARTS],
    [
      'the same key too often',
      `{${Array(BODY_PARTS + 1)
        .fill('"a":1')
        .join()}}`,
      PARTS,
    ],
    ['keys to a space away', keysTo(BODY_PARTS + 1, '[ ]'), PARTS],
    ['too many texts', `[${listOf(5000, '"a"')},${listOf(5000, '"a"')}]`, PARTS],
    ['too many objects', `{"a":${listOf(5000, '{}')},"b":${listOf(5000, '{}')}}`, PARTS],
    ['too many gaps', `{"a":${listOf(5000, 'null')},"b":${listOf(5000, 'false')}}`, PARTS],
    ['numbers that are none', `[${listOf(5000, '1e999')},${listOf(5000, '1E+400')}]`, PARTS],
    ['a list that is too long', listOf(VECTOR + 1, '1'), 'more than 8192 elements'],
    ['lists that are too deep', nested(BODY_DEPTH + 1, '[', ']'), DEEP],
    ['objects that are too deep', nested(BODY_DEPTH + 1, '{"a":', '}'), DEEP],
    [
      'a text that escapes its quote, and much behind it',
      `["\\"",${keysTo(9000, '"\\\\"')}]`,
      PARTS,
    ],
  ])('is refused with %s', (_what, text, why) => {
    expect(scan(text)).toContain(why)
  })

  it('has as many parts as one finds who walks through what it says', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.boolean(), (value, spaced) => {
        const text = JSON.stringify(value, null, spaced ? 1 : 0)
        const beside = BODY_PARTS - partsOf([[], value])
        const withSoMany = (texts: number) => scan(`[${listOf(texts, '""')},${text}]`)
        expect([withSoMany(beside), withSoMany(beside + 1)]).toEqual([undefined, PARTS])
      }),
    )
  })
})
