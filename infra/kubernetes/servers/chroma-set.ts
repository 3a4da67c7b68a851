import type { Workload } from '../../capacity/workload.ts'
import { chromaServer } from '../../servers/chroma-spec.ts'
import { CHROMA, objectLabels } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import { configFiles } from '../pods/mounted-files.ts'
import { dataAt } from '../pods/pod.ts'
import { CHROMA_POD_PORTS } from '../pods/pod-ports.ts'
import { serverContainer } from '../pods/server-container.ts'
import { authProxyFiles, stateful } from '../pods/stateful-set.ts'
import type { PodServerArgs } from '../server-args.ts'

const CONFIG = 'config'
const SHARED = 'shared-memory'

/** The Chroma servers: one StatefulSet, a pod and a volume for each instance. */
export function chromaServers(parts: PodServerArgs, plan: Workload) {
  const { instances } = parts.settings.chroma
  const labels = objectLabels(CHROMA)
  const { server, authProxy, sharedMemory } = chromaServer(parts, CHROMA_POD_PORTS, plan)
  const { path, content } = server.files[0]!
  const files = [{ path: CONFIG, content }]
  const config = configFiles({ name: CHROMA, labels, volume: CONFIG, files }, parts.options)
  const access = authProxyFiles(CHROMA, labels, authProxy, parts)
  const shared = { name: SHARED, mountPath: sharedMemory }
  return stateful(parts, {
    name: CHROMA,
    labels,
    replicas: instances,
    plan,
    hash: hashOf(content, access.hash),
    readyWithin: '15m',
    containers: [
      serverContainer(server, [
        dataAt(server.dataFolder),
        shared,
        { ...config.mount, mountPath: path, subPath: CONFIG },
      ]),
      serverContainer(authProxy, [access.mount, { ...shared, readOnly: true }]),
    ],
    volumes: [
      config.volume,
      access.volume,
      { name: SHARED, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    ],
    grace: server.grace,
    placement: { nodes: plan.nodes, topologySpreadConstraints: [spread(labels)] },
  })
}

/** Over as many nodes as there are, and all the same where there are too few: the plan has the last word. */
const spread = (labels: Record<string, string>) => ({
  maxSkew: 1,
  topologyKey: 'kubernetes.io/hostname',
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: labels },
})
