import { z } from 'zod'
import { Failure } from '../failure.ts'
import { MiB } from '../units.ts'
import { GPU_RESOURCE, type Gpu, type Node, usableGpuMemory } from './hardware.ts'
import { parseBytes } from './quantity.ts'

const Quantities = z.record(z.string(), z.string())

/** Nodes as `kubectl get nodes -o json` has them, as far as a plan needs them. */
const NodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
      spec: z.object({ unschedulable: z.boolean().default(false) }).prefault({}),
      status: z.object({ allocatable: Quantities.default({}) }),
    }),
  ),
})

const Container = z.object({
  resources: z.object({ requests: Quantities.default({}) }).prefault({}),
})
const PodList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string() }),
      spec: z.object({ nodeName: z.string().optional(), containers: z.array(Container) }),
      status: z.object({ phase: z.string().optional() }).prefault({}),
    }),
  ),
})

const MIG = /^nvidia\.com\/mig-\d+g\.(\d+)gb/
const GIB_OF_SLICE = 1024 * MiB

/**
 * The nodes of a cluster with what is free on them: allocatable, less what running pods request.
 * @param nodeList of `kubectl get nodes -o json`
 * @param podList of `kubectl get pods --all-namespaces -o json`
 * @param ownNamespace pods in it are the stack's own and hold nothing that is not free to it
 * @throws Failure for what is no such list, and for a cluster without a node that takes pods
 */
export function nodesOfCluster(nodeList: unknown, podList: unknown, ownNamespace: string): Node[] {
  const nodes = parse(NodeList, nodeList, 'nodes').items.filter(node => !node.spec.unschedulable)
  if (nodes.length === 0) {
    throw new Failure('unavailable', 'The cluster has no node that takes pods', {
      mend: 'kubectl get nodes',
    })
  }
  const pods = parse(PodList, podList, 'pods').items.filter(
    ({ metadata, status }) =>
      metadata.namespace !== ownNamespace && !['Succeeded', 'Failed'].includes(status.phase ?? ''),
  )
  return nodes.map(({ metadata, status }) => {
    const requests = pods
      .filter(({ spec }) => spec.nodeName === metadata.name)
      .flatMap(({ spec }) => spec.containers.map(({ resources }) => resources.requests))
    const free = (resource: string, read: (text: string) => number) =>
      read(status.allocatable[resource] ?? '0') -
      requests.reduce((sum, request) => sum + read(request[resource] ?? '0'), 0)
    return {
      name: metadata.name,
      cpu: free('cpu', cores),
      memory: free('memory', bytes),
      disk: free('ephemeral-storage', bytes),
      gpus: gpusOf(metadata.labels, status.allocatable, resource => free(resource, Number)),
      source: 'allocatable in the cluster',
    }
  })
}

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

/** `16Gi`, `65796180Ki`, and plain bytes, which only Kubernetes writes. */
const bytes = (text: string): number =>
  /^\d+$/.test(text) ? Number(text) : parseBytes('a quantity of the cluster', text)

function parse<Content>(schema: z.ZodType<Content>, value: unknown, what: string): Content {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new Failure('misused', `That is no list of ${what}: ${path.join('.')}: ${message}`, {
    mend: `kubectl get ${what} -o json`,
  })
}
