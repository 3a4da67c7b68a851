import type * as docker from '@pulumi/docker'
import { chromaAuthProxy } from '../../auth-proxy/auth-proxies.ts'
import { ROOM_FILE } from '../../auth-proxy/nginx.ts'
import type { Workload } from '../../capacity/workload.ts'
import { layoutOf } from '../../ownership/data-layout.ts'
import { chromaConfig } from '../../servers/chroma-config.ts'
import { watchdogScript } from '../../servers/chroma-watchdog.ts'
import { container } from '../container.ts'
import { limitsOf } from '../container-limits.ts'
import { CHROMA_PROXY, CHROMA_SERVER } from '../container-ports.ts'
import { CHROMA_DATA } from '../data-paths.ts'
import { chromaPart, EMBEDDING_LABEL, INSTANCES_LABEL, SHARDS_LABEL } from '../docker-names.ts'
import type { ContainerServerArgs } from '../server-args.ts'
import { keptVolume } from '../volume.ts'
import { authProxyContainer, shareNetworkOf, sharingMemory } from './auth-proxy-container.ts'
import { behindAuthProxy } from './container-health.ts'

const CONFIG_PATH = '/config.yaml'
const WATCHDOG_PATH = '/chroma-watchdog.sh'
/** Seconds to end the writes that are under way. */
const GRACE = 60

/** One Chroma server with its front and its volume. */
export function chromaServer(
  { settings, context: surroundings, images, tokens }: ContainerServerArgs,
  index: number,
  plan: Workload | undefined,
): docker.Container {
  const part = chromaPart(index)
  const front = authProxyContainer(surroundings, {
    part,
    image: images.front,
    share: plan?.front,
    port: CHROMA_PROXY,
    sharesMemory: true,
    published: settings.chroma.port + index,
    front: tokens.apply(made =>
      chromaAuthProxy(made, { listen: CHROMA_PROXY, upstream: CHROMA_SERVER }),
    ),
  })
  const { shards, instances, embeddingModel } = layoutOf(settings)
  const volume = keptVolume(surroundings, part, [
    { label: SHARDS_LABEL, value: `${shards}` },
    { label: INSTANCES_LABEL, value: `${instances}` },
    { label: EMBEDDING_LABEL, value: embeddingModel },
  ])
  return container(surroundings, {
    part,
    image: images.chroma,
    entrypoints: ['/bin/sh', WATCHDOG_PATH, CHROMA_DATA, 'chroma'],
    command: ['run', CONFIG_PATH],
    envs: [`KNOWLEDGE_ROOM_FILE=${ROOM_FILE}`],
    uploads: [
      { file: CONFIG_PATH, content: chromaConfig(CHROMA_SERVER, CHROMA_DATA) },
      { file: WATCHDOG_PATH, content: watchdogScript() },
    ],
    volumes: [{ volumeName: volume.name, containerPath: CHROMA_DATA }],
    ...shareNetworkOf(front),
    ...sharingMemory(front),
    healthcheck: behindAuthProxy(CHROMA_PROXY, '/api/v2/healthcheck'),
    stopSignal: 'SIGTERM',
    stopTimeout: GRACE,
    destroyGraceSeconds: GRACE,
    ...limitsOf(plan?.server.limits),
  })
}
