import { z } from 'zod'
import { Failure } from '../failure.ts'
import { GpuPart } from './hardware/hardware.ts'

/**
 * What the targets take from the plan, and from nowhere else: one workload for each server, with what it and the
 * proxy in front of it are given. A target makes of it
 * - a process (nothing is enforced),
 * - containers of one network namespace, held to `server.limits` and `front.limits`,
 * - a pod of a StatefulSet whose containers request `server.requests`, `front.requests` and `keeper.requests`, with
 *   `nodes` as its required node affinity, and `disk` as the size of its claim.
 */

/** Bytes and cores. */
export const Resources = z.object({
  cpu: z.number().nonnegative(),
  memory: z.int().nonnegative(),
  /** Of volumes, not of a container's own layer. */
  disk: z.int().nonnegative(),
  gpu: z
    .object({
      /** GPUs, or MIG slices, all on one machine. */
      count: z.int().positive(),
      /** Bytes needed on each. */
      memory: z.int().positive(),
      /** The Kubernetes resource that counts them: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`. */
      resource: z.string().min(1),
      /** Which of a machine's, where it was asked for them. */
      uuids: z.array(z.string()).nonempty().optional(),
      ...GpuPart.shape,
    })
    .optional(),
})
export type Resources = z.infer<typeof Resources>

/**
 * `requests` is set aside for it: the whole of what it may come to touch. `limits` is what it is stopped at; a
 * machine with fewer cores than that is its own limit (Docker refuses more than there are).
 */
const Share = z.object({ requests: Resources, limits: Resources })
export type Share = z.infer<typeof Share>

/** A NodeSelectorRequirement of Kubernetes: what the labels of a machine must say. */
const NodeRequirement = z.object({
  key: z.string().min(1),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values: z.array(z.string()).optional(),
})
export type NodeRequirement = z.infer<typeof NodeRequirement>

/** One server, and the proxy in front of it, to be placed on a machine as a whole. */
export const Workload = Share.extend({
  /**
   * `chroma` (`chroma-0`, … of several), `ollama-<pool>`, `api`, `verification`, `backup`, and ` (2)`, … behind it for further replicas;
   * requests and limits are those of the whole.
   */
  name: z.string().min(1),
  kind: z.enum(['chroma', 'ollama', 'api', 'verification', 'backup']),
  /** Of an Ollama: the pool of outputs.ts, `cpu`, `gpu`, or `gpu-1`, `gpu-2`, … of several. */
  pool: z.string().min(1).optional(),
  /** The models an Ollama serves, by the names the settings have. */
  models: z.array(z.string()),
  /** The server's part. */
  server: Share,
  /** The part of the proxy in front; absent where there is none. It has no disk and no GPU. */
  front: Share.optional(),
  /** The part of what pulls an Ollama's models and watches over them, in its pod; absent elsewhere. */
  keeper: Share.optional(),
  /** Bytes of memory expected to be really touched. */
  resident: z.int().nonnegative(),
  /** What the plan relies on when it puts the workload on a machine with GPUs. */
  nodes: z.array(NodeRequirement),
})
export type Workload = z.infer<typeof Workload>

/**
 * The workload of a name.
 * @throws Failure where there is none, which `deployUnfit` allows when no plan could be made
 */
export function requireWorkload<W extends Workload>(workloads: readonly W[], name: string): W {
  const found = workloads.find(workload => workload.name === name)
  if (found !== undefined) return found
  throw new Failure('misused', `Without a plan nobody knows what ${name} is to be given`, {
    mend: 'npm run plan says why there is none',
  })
}
