import { z } from 'zod'

/** What a move inside of the deployment is told: where creators are to be, and how many records a second at most. */
export const MoveRequest = z.object({
  shards: z.int().positive(),
  instances: z.int().positive(),
  embeddingModel: z.string(),
  rate: z.number().positive().optional(),
})
export type MoveRequest = z.infer<typeof MoveRequest>
