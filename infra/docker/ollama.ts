import type * as docker from '@pulumi/docker'
import type { Workload } from '../capacity/workload.ts'
import { ollamaFront } from '../front/fronts.ts'
import { ollamaEnvironment } from '../ollama-environment.ts'
import { container } from './container.ts'
import { OLLAMA_DATA } from './data-paths.ts'
import { besides, frontContainer } from './front.ts'
import { behindFront } from './health.ts'
import { limitsOf } from './limits.ts'
import { ollamaPart } from './names.ts'
import type { Parts } from './parts.ts'
import { OLLAMA_FRONT, OLLAMA_SERVER } from './ports.ts'
import { keptVolume } from './volume.ts'

/** Seconds to end the answers that are under way. */
const GRACE = 30

/** An Ollama as it is placed: alone on the CPU, or one of those that have GPUs. */
export interface OllamaArgs {
  pool: string
  plan: Workload | undefined
  /** Host's loopback port of its front. */
  published: number
  gpus: string | undefined
}

/** The Ollama of a pool with its front and its volume. */
export function ollamaServer(
  { settings, surroundings, images, tokens }: Parts,
  { pool, plan, published, gpus }: OllamaArgs,
): docker.Container {
  const part = ollamaPart(pool)
  const front = frontContainer(surroundings, {
    part,
    image: images.front,
    share: plan?.front,
    port: OLLAMA_FRONT,
    published,
    front: tokens.apply(made =>
      ollamaFront(made, { listen: OLLAMA_FRONT, upstream: OLLAMA_SERVER }),
    ),
  })
  const environment = ollamaEnvironment(settings, {
    port: OLLAMA_SERVER,
    modelsFolder: `${OLLAMA_DATA}/models`,
    models: plan?.models.length ?? settings.models.length,
  })
  return container(surroundings, {
    part,
    image: images.ollama,
    command: ['serve'],
    envs: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    volumes: [{ volumeName: keptVolume(surroundings, part).name, containerPath: OLLAMA_DATA }],
    // It writes to its volume, and elsewhere only what may be lost.
    readOnly: true,
    tmpfs: { '/tmp': '' },
    ...besides(front),
    healthcheck: behindFront(OLLAMA_FRONT, '/'),
    stopTimeout: GRACE,
    destroyGraceSeconds: GRACE,
    ...(gpus !== undefined && { gpus }),
    ...limitsOf(plan?.server.limits),
  })
}
