import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk, chunkLength } from '../../../checks/store/records/chunk.ts'

describe('a text cut into chunks', () => {
  const text = fc.oneof(
    fc.lorem({ mode: 'sentences', maxCount: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 600 }),
    fc.stringMatching(/^[a-z]{0,500}$/),
  )

  it('is the same text again when they are joined, and none is too long or no Unicode', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 8, max: 200 }), (text, longest) => {
        const chunks = chunk(text, longest)
        expect(chunks.join('')).toBe(text)
        for (const part of chunks) {
          expect(part.length).toBeGreaterThan(0)
          expect(part.length).toBeLessThanOrEqual(longest)
          expect(part.isWellFormed()).toBe(text.isWellFormed())
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('is cut between sentences, and inside of one only where it is longer than a chunk', () => {
    expect(chunk('One thing. Another thing. A third.', 26)).toEqual([
      'One thing. Another thing. ',
      'A third.',
    ])
    expect(chunk('Seven words are in this one sentence.', 20)).toEqual([
      'Seven words are in ',
      'this one sentence.',
    ])
    expect(chunk('', 20)).toEqual([])
  })
})

describe('the length of a chunk', () => {
  it.each([
    ['a small model', 512, '', 496],
    ['a model with a prefix', 2048, 'search_document: ', 2000],
    ['a large model', 131_072, '', 2000],
    ['a tiny one', 32, '', 64],
  ])('fits %s', (_, context, prefix, length) => {
    expect(chunkLength(context, prefix)).toBe(length)
  })
})
