import type { Where } from 'chromadb'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import type { CreatorId } from './creator-id.ts'
import { explain } from './explain.ts'
import { MetadataKey, MetadataNumber, MetadataValue, RECORD_KEYS, refuseProto } from './metadata.ts'

const MAX_CLAUSES = 64
const MAX_DEPTH = 8

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

const Field = z
  .record(MetadataKey, Condition)
  .refine(fields => Object.keys(fields).length === 1, 'one key at a time: join several with $and')

/**
 * A caller's filter: `{ key: value }`, `{ key: { $gt: 3 } }`, or `{ $and: [ … ] }` and `{ $or: [ … ] }` of such.
 * Closed: what is not listed here is refused, reserved keys and empty lists among it.
 */
export type Filter = z.infer<typeof Field> | { $and: Filter[] } | { $or: Filter[] }

export const Filter: z.ZodType<Filter> = z.lazy(() =>
  z.union(
    [
      z.strictObject({ $and: z.array(Filter).min(1) }),
      z.strictObject({ $or: z.array(Filter).min(1) }),
      Field,
    ],
    'a filter is { key: condition }, { $and: [ … ] } or { $or: [ … ] }',
  ),
)

/** @throws Failure `misused` that says what is allowed */
export function parseFilter(value: unknown): Filter {
  const { clauses, depth } = measure(value)
  if (clauses > MAX_CLAUSES || depth > MAX_DEPTH) {
    throw refused(
      `it has ${clauses} clauses, ${depth} deep; allowed are ${MAX_CLAUSES}, ${MAX_DEPTH} deep`,
    )
  }
  const parsed = Filter.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw refused(explain(parsed.error))
}

const refused = (why: string) => new Failure('misused', `The filter is refused: ${why}`)

/** Looked over before anything recursive does: a filter from outside can be as deep as its sender likes. */
function measure(value: unknown): { clauses: number; depth: number } {
  let clauses = 0
  let depth = 0
  let level = [value]
  while (level.length > 0 && depth <= MAX_DEPTH && clauses <= MAX_CLAUSES) {
    depth += 1
    clauses += level.length
    level = level.flatMap(node => {
      if (typeof node !== 'object' || node === null) return []
      refuseProto(node, 'filter')
      const { $and, $or } = node as { $and?: unknown; $or?: unknown }
      return [$and, $or].flatMap(list => (Array.isArray(list) ? list : []))
    })
  }
  return { clauses, depth }
}

/**
 * The filter that goes to the server: the creator first, everything else joined to it by `$and`, so that
 * nothing the caller says can widen it.
 */
export function scoped(creator: CreatorId, ...more: readonly Where[]): Where {
  const own: Where = { [RECORD_KEYS.creator]: { $eq: creator } }
  return more.length === 0 ? own : { $and: [own, ...more] }
}
