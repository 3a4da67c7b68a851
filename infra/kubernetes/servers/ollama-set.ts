import type { Workload } from '../../capacity/workload.ts'
import { ollamaServer } from '../../servers/ollama-spec.ts'
import type { KubernetesSettings } from '../../settings/kubernetes-settings.ts'
import { OLLAMA, objectLabels, ollamaName } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import { STORE } from '../pods/model-volume.ts'
import { dataAt, type Placement } from '../pods/pod.ts'
import { AUTH_PROXY_PORT, OLLAMA_POD_PORTS } from '../pods/pod-ports.ts'
import { serverContainer } from '../pods/server-container.ts'
import { service } from '../pods/service.ts'
import { authProxyFiles, stateful } from '../pods/stateful-set.ts'
import type { PodServerArgs } from '../server-args.ts'
import { autoscaler, replicasOf } from './autoscaling.ts'
import { modelSidecar, readyWithin } from './model-sidecar-container.ts'
import { pullEgress } from './pull-egress.ts'

/** Seconds for answers that are under way. */
const GRACE = 120

/** The Ollama of each pool: a StatefulSet whose pods pull what their volume lacks, and the Service in front. */
export function ollamaPools(parts: PodServerArgs, plans: readonly Workload[]) {
  const place = { ...OLLAMA_POD_PORTS, dataFolder: STORE, grace: GRACE }
  const pools = plans.map(plan => ({ plan, ...ollamaServer(parts, place, plan) }))
  const egress = pullEgress(pools[0]!.server, parts)
  return pools.map(pool => ollamaPool(parts, pool, egress))
}

type Pool = { plan: Workload } & ReturnType<typeof ollamaServer>

function ollamaPool(
  parts: PodServerArgs,
  { plan, server, authProxy }: Pool,
  { secrets, certificates, hashes }: ReturnType<typeof pullEgress>,
) {
  const { settings, options } = parts
  const name = ollamaName(plan.pool!)
  const labels = objectLabels(name, OLLAMA)
  const scale = settings.kubernetes.autoscaling.ollama
  const access = authProxyFiles(name, labels, authProxy, parts)
  const sidecar = modelSidecar(parts, name, labels, plan)
  const set = stateful(parts, {
    name,
    labels,
    ...replicasOf(scale, settings.kubernetes.replicas.ollama),
    plan,
    hash: hashOf(access.hash, sidecar.hash, ...hashes),
    readyWithin: readyWithin(settings, plan),
    containers: [
      serverContainer(server, [dataAt(STORE), ...certificates.map(({ mount }) => mount)], secrets),
      serverContainer(authProxy, [access.mount]),
      sidecar.container,
    ],
    volumes: [access.volume, sidecar.volume, ...certificates.map(({ volume }) => volume)],
    grace: server.grace,
    placement: ollamaPlacement(settings.kubernetes, plan),
  })
  service(name, labels, AUTH_PROXY_PORT, options)
  if (scale !== undefined) {
    const target = { kind: 'StatefulSet', name: set.metadata.name } as const
    autoscaler(name, labels, target, scale, options)
  }
  return set
}

/**
 * A pod without GPUs is kept off the nodes that are for those who need them by their own taints. Two turns on shared
 * cards may be on the same one.
 */
export function ollamaPlacement(
  { gpu }: Pick<KubernetesSettings, 'gpu'>,
  { nodes, requests }: Workload,
): Placement {
  if (requests.gpu === undefined) return { nodes }
  const products = { key: 'nvidia.com/gpu.product', operator: 'In' as const, values: gpu.products }
  return {
    nodes: gpu.products.length === 0 ? nodes : [...nodes, products],
    tolerations: gpu.tolerations,
    ...(requests.gpu.part === 'time-share' && { apart: true }),
    ...(gpu.runtimeClass !== '' && { runtimeClassName: gpu.runtimeClass }),
  }
}
