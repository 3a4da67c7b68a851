import { describe, expect, it } from 'vitest'
import { TextEmbedder } from '../../../checks/store/embedder.ts'
import { EmbeddingTurns } from '../../../checks/store/embedding-turns.ts'

describe('a vector', () => {
  const embedder = new TextEmbedder(new EmbeddingTurns(async () => []), {
    prefixes: { document: '', query: '' },
    dimension: 3,
    contextLength: 512,
  })

  it.each([
    ['as models make them', [0.6, 0, 0.8]],
    ['long', [1e14, 1e14, 0]],
    ['short', [0, 0, -1e-14]],
    ['with parts that are next to nothing', [1e-300, 1, 5e-324]],
  ])('is taken: one that is %s', (_what, vector) => {
    expect(embedder.accept(vector)).toBe(vector)
  })

  it.each([
    ['nothing', undefined, 'A vector has undefined; this store takes 3'],
    ['too short a list', [1, 2], 'A vector has 2 numbers; this store takes 3'],
    ['no numbers', [1, '2', 3], 'something else than finite numbers'],
    ['a gap', [1, null, 3], 'something else than finite numbers'],
    ['not a number', [1, Number.NaN, 3], 'something else than finite numbers'],
    ['infinite', [1, Number.POSITIVE_INFINITY, 3], 'something else than finite numbers'],
    ['no direction', [0, -0, 0], 'A vector is all zeros'],
    ['infinite in 32 bits', [1e39, 0, 0], 'is 1e+39; allowed is 1e-15 to 1e+15'],
    ['infinite once it is multiplied by itself', [1e20, 0, 0], 'is 1e+20; allowed'],
    ['nothing in 32 bits', [1e-50, 0, 0], 'is 1e-50; allowed'],
    ['nothing once it is multiplied by itself', [0, 1e-23, 0], 'is 1e-23; allowed'],
  ])('is refused: %s', (_what, vector, message) => {
    expect(() => embedder.accept(vector)).toThrow(message)
  })
})
