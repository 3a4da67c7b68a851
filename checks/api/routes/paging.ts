import { z } from 'zod'
import { MAX_OFFSET } from '../../store/creator.ts'

/** Which part of a list is asked for. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).max(MAX_OFFSET).default(0),
})
type PageQuery = z.output<typeof PageQuery>

export const Next = z
  .int()
  .nullable()
  .describe('The offset of the next page; null when this is the last')

/** One more than is given out tells whether there is more. */
export const withOneMore = ({ limit, offset }: PageQuery): PageQuery => ({
  limit: limit + 1,
  offset,
})

export const paged = <T>(
  found: T[],
  { limit, offset }: PageQuery,
): { items: T[]; next: number | null } => ({
  items: found.slice(0, limit),
  next: found.length > limit ? offset + limit : null,
})
