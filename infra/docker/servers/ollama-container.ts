import type * as docker from '@pulumi/docker'
import * as pulumi from '@pulumi/pulumi'
import { ollamaAuthProxy } from '../../auth-proxy/auth-proxies.ts'
import type { Workload } from '../../capacity/workload.ts'
import { ownCertificates } from '../../egress/egress-settings.ts'
import {
  CERTIFICATES,
  CERTIFICATES_FILE,
  pullEnvironment,
  TRUST_OWN,
} from '../../egress/pull-environment.ts'
import { ollamaEnvironment } from '../../servers/ollama-environment.ts'
import { container } from '../container.ts'
import { limitsOf } from '../container-limits.ts'
import { OLLAMA_PROXY, OLLAMA_SERVER } from '../container-ports.ts'
import { OLLAMA_DATA } from '../data-paths.ts'
import { ollamaPart } from '../docker-names.ts'
import type { ContainerServerArgs } from '../server-args.ts'
import { keptVolume } from '../volume.ts'
import { authProxyContainer, shareNetworkOf } from './auth-proxy-container.ts'
import { behindAuthProxy } from './container-health.ts'

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
  { settings, context: surroundings, images, tokens }: ContainerServerArgs,
  { pool, plan, published, gpus }: OllamaArgs,
): docker.Container {
  const part = ollamaPart(pool)
  const front = authProxyContainer(surroundings, {
    part,
    image: images.front,
    share: plan?.front,
    port: OLLAMA_PROXY,
    published,
    front: tokens.apply(made =>
      ollamaAuthProxy(made, { listen: OLLAMA_PROXY, upstream: OLLAMA_SERVER }),
    ),
  })
  const certificates = ownCertificates(settings.egress)
  const environment = {
    ...ollamaEnvironment(settings, {
      port: OLLAMA_SERVER,
      modelsFolder: `${OLLAMA_DATA}/models`,
      models: plan?.models.length ?? settings.models.length,
    }),
    ...pullEnvironment(settings.egress),
    ...(certificates !== undefined && TRUST_OWN),
  }
  const envs = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return container(surroundings, {
    part,
    image: images.ollama,
    command: ['serve'],
    // Who may inspect containers sees them all the same: that is root on the machine in any case.
    envs: settings.egress.proxy === undefined ? envs : pulumi.secret(envs),
    volumes: [{ volumeName: keptVolume(surroundings, part).name, containerPath: OLLAMA_DATA }],
    // It writes to its volume, and elsewhere only what may be lost. Where the root cannot be written, the Engine puts
    // no file there either.
    ...(certificates === undefined
      ? { readOnly: true }
      : { uploads: [{ file: `${CERTIFICATES}/${CERTIFICATES_FILE}`, content: certificates }] }),
    tmpfs: { '/tmp': '' },
    ...shareNetworkOf(front),
    healthcheck: behindAuthProxy(OLLAMA_PROXY, '/'),
    stopTimeout: GRACE,
    destroyGraceSeconds: GRACE,
    ...(gpus !== undefined && { gpus }),
    ...limitsOf(plan?.server.limits),
  })
}
