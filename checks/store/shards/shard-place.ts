import { z } from 'zod'

/** Which collection on which instance a shard is. */
export const ShardPlace = z.object({
  /** Index of the Chroma server. */
  instance: z.int().nonnegative(),
  /** UUID of the collection. */
  collection: z.uuid(),
  /** What the collection is called, for when it was deleted and made again, as a restore does. */
  name: z.string().nonempty(),
})
export type ShardPlace = z.infer<typeof ShardPlace>
