import { z } from 'zod'

/** Bytes and cores. */
export const Resources = z.object({
  cpu: z.number().nonnegative(),
  memory: z.int().nonnegative(),
  disk: z.int().nonnegative(),
  gpu: z
    .object({
      count: z.int().positive(),
      /** Bytes needed on each. */
      memory: z.int().positive(),
      /** The Kubernetes resource that counts them. */
      resource: z.string().min(1),
    })
    .optional(),
})
export type Resources = z.infer<typeof Resources>

/** One server to be placed on a machine as a whole. */
export const Workload = z.object({
  name: z.string().min(1),
  kind: z.enum(['chroma', 'ollama']),
  /** The models an Ollama serves. */
  models: z.array(z.string()),
  /** What is set aside for it: the whole of what it may come to touch. */
  requests: Resources,
  /** What it is stopped at: memory with the estimate's margin on top. */
  limits: Resources,
  /** Bytes of memory expected to be really touched. */
  resident: z.int().nonnegative(),
})
export type Workload = z.infer<typeof Workload>
