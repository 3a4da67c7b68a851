import type { Where } from 'chromadb'
import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import type { CreatorId } from '../creator-id.ts'
import { explain } from '../records/explain-issue.ts'
import { bounded, isObject } from '../records/json-size.ts'
import {
  MetadataKey,
  MetadataNumber,
  MetadataValue,
  NO_PROTO,
  RECORD_KEYS,
} from '../records/metadata.ts'

const MAX_CLAUSES = 64
const MAX_DEPTH = 8
const ONE_KEY = 'one key at a time: join several with $and'

const Condition = z.union(
  [
    MetadataValue,
    z.strictObject({ $eq: MetadataValue }),
    z.strictObject({ $ne: MetadataValue }),
    z.strictObject({ $gt: MetadataNumber }),
    z.strictObject({ $gte: MetadataNumber }),
    z.strictObject({ $lt: MetadataNumber }),
    z.strictObject({ $lte: MetadataNumber }),
    z.strictObject({ $in: z.array(MetadataValue).min(1).max(MAX_CLAUSES) }),
    z.strictObject({ $nin: z.array(MetadataValue).min(1).max(MAX_CLAUSES) }),
  ],
  'a condition is a text, a number or a boolean, or one of $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin',
)

export const FieldMatches = z
  .record(MetadataKey, Condition)
  .refine(fields => Object.keys(fields).length === 1, ONE_KEY)

/**
 * A caller's filter: `{ key: value }`, `{ key: { $gt: 3 } }`, or `{ $and: [ … ] }` and `{ $or: [ … ] }` of such.
 * Closed: what is not listed here is refused, reserved keys and empty lists among it.
 */
export type Filter = z.infer<typeof FieldMatches> | { $and: Filter[] } | { $or: Filter[] }

export const FilterOfAnySize: z.ZodType<Filter> = z.lazy(() =>
  z.union(
    [AllMatch, AnyMatches, FieldMatches],
    'a filter is { key: condition }, { $and: [ … ] } or { $or: [ … ] }',
  ),
)
export const AllMatch = z.strictObject({ $and: z.array(FilterOfAnySize).min(1) })
export const AnyMatches = z.strictObject({ $or: z.array(FilterOfAnySize).min(1) })

/** A schema looks at every part, as every kind of clause, before it counts them; so they are counted before. */
export const Filter = bounded(whatIsTooLarge, FilterOfAnySize)

/** @throws Failure `misused` that says what is allowed */
export function parseFilter(value: unknown): Filter {
  const parsed = Filter.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw refused(explain(parsed.error))
}

const refused = (why: string) => new Failure('misused', `The filter is refused: ${why}`)

function whatIsTooLarge(filter: unknown): string | undefined {
  let clauses = 0
  let depth = 0
  let level = [filter]
  while (level.length > 0) {
    depth += 1
    clauses += level.length
    if (clauses > MAX_CLAUSES || depth > MAX_DEPTH) {
      return `it has ${clauses} clauses, ${depth} deep, or more; allowed are ${MAX_CLAUSES}, ${MAX_DEPTH} deep`
    }
    const parts = level.filter(isObject).map(clause => Object.entries(clause))
    if (parts.some(({ length }) => length > 1)) return ONE_KEY
    const contents = parts.flat()
    if (contents.some(([key]) => key === '__proto__')) return NO_PROTO
    if (contents.some(([, content]) => isObject(content) && Object.values(content).some(isLong))) {
      return `a list has at most ${MAX_CLAUSES} values`
    }
    level = contents.flatMap(([key, content]) =>
      (key === '$and' || key === '$or') && Array.isArray(content) ? content : [],
    )
  }
  return undefined
}

const isLong = (value: unknown): boolean => Array.isArray(value) && value.length > MAX_CLAUSES

/**
 * The filter that goes to the server: the creator first, everything else joined to it by `$and`, so that
 * nothing the caller says can widen it.
 */
export function scoped(creator: CreatorId, ...more: readonly Where[]): Where {
  const own: Where = { [RECORD_KEYS.creator]: { $eq: creator } }
  return more.length === 0 ? own : { $and: [own, ...more] }
}
