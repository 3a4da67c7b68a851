import fc from 'fast-check'
import { whatIsWrongWithText } from '../../../checks/store/creator-id.ts'

/** Creators whose names try to be each other, a filter, a path, a key or nothing at all. All of them are valid. */
export const HOSTILE_CREATORS = [
  'a',
  'A',
  'a ',
  ' a',
  'a\u0000',
  'a\u0000b',
  'aa',
  '1:a',
  '1:a1:d0',
  '0',
  '*',
  '%',
  '_',
  "' OR '1'='1",
  '"; DROP TABLE embeddings; --',
  '{"$ne":"x"}',
  '$ne',
  '__proto__',
  'constructor',
  'null',
  'undefined',
  'true',
  '../../a',
  'a/b?c#d',
  'é',
  'e',
  'ﬁ',
  'fi',
  'ı',
  'I',
  '\u200b',
  'a\u200b',
  '\u202ea',
  '👩‍👩‍👧',
  '👩',
  '日本',
  'x'.repeat(256),
  'x'.repeat(255),
] as const

/** Filters of every kind: proper ones, ones that would widen the scope if they were taken, and rubbish. */
export const hostileFilter: fc.Arbitrary<unknown> = fc.letrec(tie => ({
  value: fc.oneof(
    fc.constantFrom(...HOSTILE_CREATORS, 'tea', 'coffee'),
    fc.integer({ min: -3, max: 3 }),
    fc.boolean(),
    fc.double({ noNaN: false }),
    fc.constant(null),
  ),
  key: fc.constantFrom(
    'topic',
    'rank',
    'creator_id',
    'document_id',
    'chunk_index',
    'reserved_for',
    '#document',
    'chroma:document',
    '$where',
    'constructor',
  ),
  condition: fc.oneof(
    tie('value'),
    fc.dictionary(
      fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$not', '$regex'),
      fc.oneof(tie('value'), fc.array(tie('value'), { maxLength: 3 })),
      { minKeys: 0, maxKeys: 2 },
    ),
  ),
  field: fc
    .tuple(tie('key'), tie('condition'))
    .map(([key, condition]) => ({ [key as string]: condition })),
  filter: fc.oneof(
    { maxDepth: 3 },
    tie('field'),
    fc.constantFrom({}, { $and: [] }, { $or: [] }, null, [], ''),
    fc
      .tuple(fc.constantFrom('$and', '$or'), fc.array(tie('filter'), { maxLength: 3 }))
      .map(([operator, list]) => ({ [operator]: list })),
  ),
})).filter

/** Texts of every kind that is allowed as an id. */
export const validId = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter(text => whatIsWrongWithText(text, 256) === undefined)
