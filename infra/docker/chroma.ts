import type * as docker from '@pulumi/docker'
import type { Workload } from '../capacity/workload.ts'
import { chromaConfig } from '../chroma-config.ts'
import { watchdogScript } from '../chroma-watchdog.ts'
import { chromaFront } from '../front/fronts.ts'
import { ROOM_FILE } from '../front/nginx.ts'
import { layoutOf } from '../layout.ts'
import { container } from './container.ts'
import { CHROMA_DATA } from './data-paths.ts'
import { besides, frontContainer, sharingMemory } from './front.ts'
import { behindFront } from './health.ts'
import { limitsOf } from './limits.ts'
import { chromaPart, EMBEDDING_LABEL, INSTANCES_LABEL, SHARDS_LABEL } from './names.ts'
import type { Parts } from './parts.ts'
import { CHROMA_FRONT, CHROMA_SERVER } from './ports.ts'
import { keptVolume } from './volume.ts'

const CONFIG_PATH = '/config.yaml'
const WATCHDOG_PATH = '/chroma-watchdog.sh'
/** Seconds to end the writes that are under way. */
const GRACE = 60

/** One Chroma server with its front and its volume. */
export function chromaServer(
  { settings, surroundings, images, tokens }: Parts,
  index: number,
  plan: Workload | undefined,
): docker.Container {
  const part = chromaPart(index)
  const front = frontContainer(surroundings, {
    part,
    image: images.front,
    share: plan?.front,
    port: CHROMA_FRONT,
    sharesMemory: true,
    published: settings.chroma.port + index,
    front: tokens.apply(made =>
      chromaFront(made, { listen: CHROMA_FRONT, upstream: CHROMA_SERVER }),
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
    ...besides(front),
    ...sharingMemory(front),
    healthcheck: behindFront(CHROMA_FRONT, '/api/v2/healthcheck'),
    stopSignal: 'SIGTERM',
    stopTimeout: GRACE,
    destroyGraceSeconds: GRACE,
    ...limitsOf(plan?.server.limits),
  })
}
