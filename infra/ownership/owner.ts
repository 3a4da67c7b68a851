import { z } from 'zod'

/**
 * Whose something is: of which project and stack, and of which of its deployments. What a stack makes carries it, so
 * that nothing of anybody else's is touched, not even of another stack of the same name.
 */
export const Owner = z.object({
  project: z.string(),
  stack: z.string(),
  /** Drawn by the first `up`, and kept in Pulumi's state and in the home folder. */
  id: z.string().optional(),
  /** Whether an older version, which gave nothing an owner, has used the home folder. */
  older: z.boolean().default(false),
  /** Names of what an older version made without an owner: Docker's volumes, and containers until they are replaced. */
  adopted: z.array(z.string()).default([]),
})
export type Owner = z.infer<typeof Owner>

/** Of a stack that is being deployed. */
export type KnownOwner = Owner & { id: string }
