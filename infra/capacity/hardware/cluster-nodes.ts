import { Failure } from '../../failure.ts'
import type { KubernetesSettings } from '../../settings/kubernetes-settings.ts'
import { MiB } from '../../units.ts'
import {
  type ListedContainer,
  NodeList,
  PodList,
  type PodSpec,
  readList,
  type Taint,
} from './cluster-lists.ts'
import { GPU_RESOURCE, type Gpu, type Node, usableGpuMemory } from './hardware.ts'
import { clusterBytes } from './quantity.ts'

const MIG = /^nvidia\.com\/mig-\d+g\.(\d+)gb/
const GIB_OF_SLICE = 1024 * MiB

type Gpus = KubernetesSettings['gpu']

/** What a stack is on its cluster. */
export interface Tenancy {
  /** Pods in it are the stack's own: what they hold is free to it. */
  namespace: string
  /** Products that its pods may use, and what those with GPUs put up with; those without put up with nothing. */
  gpu: Pick<Gpus, 'products' | 'tolerations'>
}

/**
 * The nodes of a cluster with what is free on them: allocatable, less what running pods request.
 * @param nodeList of `kubectl get nodes -o json`
 * @param podList of `kubectl get pods --all-namespaces -o json`
 * @throws Failure for what is no such list, and for a cluster without a node that takes pods
 */
export function nodesOfCluster(nodeList: unknown, podList: unknown, tenancy: Tenancy): Node[] {
  const pods = readList(PodList, podList, 'pods').items.filter(
    ({ metadata, status }) =>
      metadata.namespace !== tenancy.namespace &&
      !['Succeeded', 'Failed'].includes(status.phase ?? ''),
  )
  const nodes = readList(NodeList, nodeList, 'nodes').items.flatMap(
    ({ metadata, spec, status }) => {
      const taints = spec.taints.filter(({ effect }) => effect !== 'PreferNoSchedule')
      const open = taints.every(taint =>
        tenancy.gpu.tolerations.some(toleration => tolerates(toleration, taint)),
      )
      if (spec.unschedulable || !open) return []
      const here = pods.filter(({ spec }) => spec.nodeName === metadata.name)
      const free = (resource: string, read: (text: string) => number) =>
        read(status.allocatable[resource] ?? '0') -
        here.reduce((sum, { spec }) => sum + requestOf(spec, resource, read), 0)
      const gpus = gpusOf(metadata.labels, status.allocatable, resource => free(resource, Number))
      const { products } = tenancy.gpu
      return {
        name: metadata.name,
        cpu: free('cpu', cores),
        memory: free('memory', clusterBytes),
        gpus: gpus.filter(({ product }) => products.length === 0 || products.includes(product)),
        ...(taints.length > 0 ? { gpuOnly: true } : {}),
        source: 'allocatable in the cluster',
      }
    },
  )
  const open = nodes.filter(({ cpu, memory }) => cpu > 0 && memory > 0)
  if (open.length > 0) return open
  throw new Failure('unavailable', 'The cluster has no node that takes pods', {
    mend: 'kubectl get nodes',
  })
}

/** What the scheduler sets aside for a pod: its containers together, or its hungriest start, and its runtime. */
function requestOf(spec: PodSpec, resource: string, read: (text: string) => number): number {
  const of = ({ resources }: ListedContainer) => read(resources.requests[resource] ?? '0')
  let running = 0
  let starting = 0
  for (const container of spec.initContainers) {
    const goesOn = container.restartPolicy === 'Always'
    if (goesOn) running += of(container)
    starting = Math.max(starting, running + (goesOn ? 0 : of(container)))
  }
  for (const container of spec.containers) running += of(container)
  return Math.max(running, starting) + read(spec.overhead[resource] ?? '0')
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration */
const tolerates = ({ key, operator, value, effect }: Gpus['tolerations'][number], taint: Taint) =>
  (effect === undefined || effect === taint.effect) &&
  (key === undefined || key === taint.key) &&
  (operator === 'Exists' || (value ?? '') === (taint.value ?? ''))

/** GPUs by the labels of GPU feature discovery; shares of a time-sliced GPU are one GPU, whose memory they share. */
function gpusOf(
  labels: Record<string, string>,
  allocatable: Record<string, string>,
  free: (resource: string) => number,
): Gpu[] {
  const product = labels['nvidia.com/gpu.product'] ?? 'GPU'
  const shares = Math.max(1, Number(labels['nvidia.com/gpu.replicas'] ?? 1))
  const memory = usableGpuMemory(Number(labels['nvidia.com/gpu.memory'] ?? 0) * MiB)
  const whole = memory > 0 ? Math.floor(free(GPU_RESOURCE) / shares) : 0
  const slices = Object.keys(allocatable).flatMap(resource => {
    const gib = MIG.exec(resource)?.[1]
    if (gib === undefined) return []
    const slice = { product, memory: usableGpuMemory(Number(gib) * GIB_OF_SLICE), resource }
    return Array.from({ length: Math.max(0, free(resource)) }, () => slice)
  })
  const gpu = { product, memory, resource: GPU_RESOURCE }
  return [...Array.from({ length: Math.max(0, whole) }, () => gpu), ...slices]
}

/** `4`, `3920m` */
const cores = (text: string): number =>
  text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text)
