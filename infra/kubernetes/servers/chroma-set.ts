import { dirname } from 'node:path'
import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import { chromaAuthProxy } from '../../auth-proxy/auth-proxies.ts'
import { ROOM_FILE } from '../../auth-proxy/nginx.ts'
import type { Workload } from '../../capacity/workload.ts'
import { chromaConfig } from '../../servers/chroma-config.ts'
import { watchdogScript } from '../../servers/chroma-watchdog.ts'
import { CHROMA, labelsOf } from '../kubernetes-names.ts'
import { FILES_HASH, hashOf } from '../pods/content-hash.ts'
import { type Container, dataAt, podTemplate } from '../pods/pod.ts'
import { AUTH_PROXY_PORT, CHROMA_PORT } from '../pods/pod-ports.ts'
import { probe, startup } from '../pods/probes.ts'
import { resourcesOf } from '../pods/resource-quantity.ts'
import { stateful } from '../pods/stateful-set.ts'
import type { PodServerArgs } from '../server-args.ts'
import { authProxySidecar } from './auth-proxy-sidecar.ts'

/** Where the image keeps its data: another path, and the store is lost with the pod without a word. */
const DATA_PATH = '/data'
const CONFIG_PATH = '/config.yaml'
const CONFIG = 'config'
/** Seconds for a server that reads its write-ahead log back in. */
const STARTUP = 300
/** Seconds to end the writes that are under way. */
const GRACE = 60

/** The Chroma servers: one StatefulSet, a pod and a volume for each instance. */
export function chromaServers(
  { settings, tokens, options, keeping }: PodServerArgs,
  plan: Workload,
) {
  const labels = labelsOf(CHROMA)
  const config = chromaConfig(CHROMA_PORT, DATA_PATH)
  const file = new core.v1.ConfigMap(
    CHROMA,
    { metadata: { name: CHROMA, labels }, data: { [CONFIG]: config } },
    { ...options, deleteBeforeReplace: true },
  )
  const front = authProxySidecar(
    {
      set: CHROMA,
      labels,
      port: AUTH_PROXY_PORT,
      openPath: '/api/v2/heartbeat',
      image: settings.images.front,
      share: plan.front!,
      front: tokens.apply(made =>
        chromaAuthProxy(made, { listen: AUTH_PROXY_PORT, upstream: CHROMA_PORT }),
      ),
    },
    options,
  )
  return stateful(
    {
      name: CHROMA,
      replicas: settings.chroma.instances,
      port: AUTH_PROXY_PORT,
      readyWithin: '15m',
      volumes: {
        set: CHROMA,
        labels,
        count: settings.chroma.instances,
        size: plan.requests.disk,
        storageClass: settings.kubernetes.storageClass,
      },
      template: podTemplate({
        labels,
        annotations: { [FILES_HASH]: hashOf(config, front.hash) },
        containers: [server(settings.images.chroma, plan), sharing(front.container)],
        volumes: [
          { name: CONFIG, configMap: { name: file.metadata.name } },
          front.volume,
          { name: SHARED, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        ],
        grace: GRACE,
        pullSecrets: settings.kubernetes.imagePullSecrets,
        placement: { nodes: plan.nodes, topologySpreadConstraints: [spread(labels)] },
      }),
    },
    options,
    keeping,
  )
}

/** Where the watchdog of the server tells the front of a full disk. */
const SHARED = 'shared-memory'
const SHARED_MEMORY = { name: SHARED, mountPath: dirname(ROOM_FILE) }

const sharing = (front: Container): Container => ({
  ...front,
  volumeMounts: [...(front.volumeMounts ?? []), { ...SHARED_MEMORY, readOnly: true }],
})

const server = (image: pulumi.Input<string>, plan: Workload): Container => ({
  name: CHROMA,
  image,
  command: ['/bin/sh', '-c', watchdogScript(), 'chroma-watchdog', DATA_PATH, CHROMA],
  args: ['run', CONFIG_PATH],
  env: [{ name: 'KNOWLEDGE_ROOM_FILE', value: ROOM_FILE }],
  resources: resourcesOf(plan.server),
  volumeMounts: [
    dataAt(DATA_PATH),
    SHARED_MEMORY,
    { name: CONFIG, mountPath: CONFIG_PATH, subPath: CONFIG, readOnly: true },
  ],
  startupProbe: startup('/api/v2/heartbeat', AUTH_PROXY_PORT, STARTUP),
  readinessProbe: probe('/api/v2/healthcheck', AUTH_PROXY_PORT),
  livenessProbe: probe('/api/v2/heartbeat', AUTH_PROXY_PORT, 30),
})

/** Over as many nodes as there are, and all the same where there are too few: the plan has the last word. */
const spread = (labels: Record<string, string>) => ({
  maxSkew: 1,
  topologyKey: 'kubernetes.io/hostname',
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: labels },
})
