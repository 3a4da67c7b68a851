import type * as docker from '@pulumi/docker'
import type { Workload } from '../../capacity/workload.ts'
import { ollamaServer } from '../../servers/ollama-spec.ts'
import type { SpecArgs } from '../../servers/server-spec.ts'
import type { StackContext } from '../container.ts'
import type { Gpus } from '../container-limits.ts'
import { OLLAMA_CONTAINER_PORTS } from '../container-ports.ts'
import { OLLAMA_DATA } from '../data-paths.ts'
import { ollamaPart } from '../docker-names.ts'
import { guardedContainer } from './guarded-container.ts'

/** Seconds to end the answers that are under way. */
const GRACE = 30

/** An Ollama as it is placed: alone on the CPU, or one of those that have GPUs. */
export interface OllamaPlacement {
  pool: string
  plan: Workload | undefined
  /** The auth proxy's port on the host's loopback. */
  published: number
  gpus: Gpus
}

/** The Ollama of a pool with its auth proxy and its volume. */
export const ollamaContainer = (
  context: StackContext,
  args: SpecArgs,
  { pool, plan, published, gpus }: OllamaPlacement,
): docker.Container =>
  guardedContainer(context, {
    ...ollamaServer(
      args,
      { ...OLLAMA_CONTAINER_PORTS, dataFolder: OLLAMA_DATA, grace: GRACE },
      plan,
    ),
    part: ollamaPart(pool),
    published,
    // It writes to its volume, and elsewhere only what may be lost.
    own: { tmpfs: { '/tmp': '' }, ...(gpus !== undefined && { deviceRequests: gpus }) },
  })
