import { z } from 'zod'

/** Longer than that of the longest ids. */
const MOST_CURSOR = 2048

/** Which part of a list is asked for. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z
    .string()
    .max(MOST_CURSOR)
    .optional()
    .describe('The `next` of the page before; the first page has none'),
})

export const Next = z
  .string()
  .nullable()
  .describe('The `cursor` of the next page; null when this is the last')
