import type { KubernetesSettings } from '../../settings/kubernetes-settings.ts'
import { gpusOf } from './cluster-gpus.ts'
import {
  type ListedContainer,
  type ListedNode,
  type ListedPod,
  NodeList,
  PodList,
  readList,
  type Taint,
} from './cluster-lists.ts'
import type { Node } from './hardware.ts'
import { clusterBytes, clusterQuantity, parseBytes } from './quantity.ts'

/** What a stack is on its cluster. */
export interface Tenancy extends Pick<KubernetesSettings, 'architectures'> {
  /** Pods in it are the stack's own: what they hold is free to it. */
  namespace: string
  /** Products that its pods may use, and what those with GPUs put up with; those without put up with nothing. */
  gpu: Pick<KubernetesSettings['gpu'], 'products' | 'tolerations' | 'memory'>
}

/** Labels that decide where pods of a stack go. */
const DECIDING = /^(kubernetes\.io\/(os|arch)$|nvidia\.com\/)/

/**
 * The nodes of a cluster with what is free on them: allocatable, less what pods of others request. Those that take
 * nothing of the stack are among them, closed.
 * @param nodeList of `kubectl get nodes -o json`
 * @param podList of `kubectl get pods --all-namespaces -o json`
 * @throws Failure `misused` for what is no such list
 */
export function nodesOfCluster(nodeList: unknown, podList: unknown, tenancy: Tenancy): Node[] {
  const pods = readList(PodList, podList, 'pods').items.filter(
    ({ metadata, status }) =>
      metadata.namespace !== tenancy.namespace &&
      !['Succeeded', 'Failed'].includes(status.phase ?? ''),
  )
  return readList(NodeList, nodeList, 'nodes').items.map(node => {
    const here = pods.filter(({ spec }) => spec.nodeName === node.metadata.name)
    return nodeOf(node, here, tenancy)
  })
}

function nodeOf(node: ListedNode, here: readonly ListedPod[], tenancy: Tenancy): Node {
  const { metadata, spec, status } = node
  const { name, labels } = metadata
  const allocatable = (resource: string, read = clusterQuantity) =>
    read(`${resource} of node ${name}`, status.allocatable[resource] ?? '0')
  const free = (resource: string, read = clusterQuantity) =>
    allocatable(resource, read) - here.reduce((sum, pod) => sum + requestOf(pod, resource, read), 0)
  const taints = spec.taints.filter(({ effect }) => effect !== 'PreferNoSchedule')
  const { gpus, notPlanned } = gpusOf({
    labels,
    allocatable: Object.fromEntries(
      Object.keys(status.allocatable).map(resource => [resource, allocatable(resource)]),
    ),
    free,
    memory: tenancy.gpu.memory === '' ? undefined : parseBytes('gpu.memory', tenancy.gpu.memory),
    hasClaims: here.some(({ spec }) => spec.resourceClaims.length > 0),
  })
  const { products } = tenancy.gpu
  const open = {
    name,
    cpu: Math.max(0, free('cpu', milliCores)),
    memory: Math.max(0, free('memory', clusterBytes)),
    pods: Math.max(0, allocatable('pods') - here.length),
    gpus: gpus.filter(({ product }) => products.length === 0 || products.includes(product)),
    labels: Object.fromEntries(Object.entries(labels).filter(([key]) => DECIDING.test(key))),
    ...(notPlanned.length > 0 && { notPlanned }),
    ...(taints.length > 0 && { gpuOnly: true }),
    source: 'allocatable in the cluster',
  }
  const closed = closedBy(node, taints, tenancy)
  return closed === undefined ? open : { ...open, closed }
}

/** Why a node takes nothing of a stack. */
function closedBy(
  { metadata: { labels }, spec, status }: ListedNode,
  taints: readonly Taint[],
  { architectures, gpu }: Tenancy,
): string | undefined {
  const os = labels['kubernetes.io/os']
  const architecture = labels['kubernetes.io/arch']
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  const taint = taints.find(taint => !gpu.tolerations.some(each => tolerates(each, taint)))
  if (os === undefined || architecture === undefined) {
    return 'has not both the labels kubernetes.io/os and kubernetes.io/arch'
  }
  if (os !== 'linux') return `runs ${os}`
  if (!architectures.some(each => each === architecture)) {
    return `is ${architecture}, and the images are planned to be ${architectures.join(' or ')} (kubernetes.architectures)`
  }
  if (spec.unschedulable) return 'is cordoned'
  if (ready !== undefined && ready.status !== 'True') return 'is not ready'
  return taint === undefined ? undefined : `has the taint ${taint.key}`
}

/**
 * What the scheduler sets aside for a pod: its containers together, or its hungriest start, or what is asked for the
 * pod as a whole; and its runtime.
 */
function requestOf({ metadata, spec, status }: ListedPod, resource: string, read: Read): number {
  const amount = (text: string | undefined) =>
    read(`${resource} of a pod in the namespace ${metadata.namespace}`, text ?? '0')
  const statuses = [...status.containerStatuses, ...status.initContainerStatuses]
  const of = ({ name, resources }: ListedContainer) => {
    const now = statuses.find(status => name !== undefined && status.name === name)
    return Math.max(
      amount(resources.requests[resource]),
      amount(now?.allocatedResources[resource]),
      amount(now?.resources.requests[resource]),
    )
  }
  let running = 0
  let starting = 0
  for (const container of spec.initContainers) {
    const goesOn = container.restartPolicy === 'Always'
    if (goesOn) running += of(container)
    starting = Math.max(starting, running + (goesOn ? 0 : of(container)))
  }
  for (const container of spec.containers) running += of(container)
  const whole = spec.resources.requests[resource]
  const asked = whole === undefined ? Math.max(running, starting) : amount(whole)
  return asked + amount(spec.overhead[resource])
}

type Read = typeof clusterQuantity

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration */
const tolerates = (
  { key, operator, value, effect }: KubernetesSettings['gpu']['tolerations'][number],
  taint: Taint,
) =>
  (effect === undefined || effect === taint.effect) &&
  (key === undefined || key === taint.key) &&
  (operator === 'Exists' || (value ?? '') === (taint.value ?? ''))

/** The scheduler counts thousandths of a core, and a part of one as one. */
const milliCores: Read = (what, text) => Math.ceil(clusterQuantity(what, text) * 1000 - 1e-6) / 1000
