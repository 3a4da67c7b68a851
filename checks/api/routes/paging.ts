import { z } from 'zod'
import { MAX_OFFSET } from '../../store/creator.ts'

/** Which part of a list is asked for. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).max(MAX_OFFSET).default(0),
})

export const Next = z
  .int()
  .nullable()
  .describe('The offset of the next page; null when this is the last')
