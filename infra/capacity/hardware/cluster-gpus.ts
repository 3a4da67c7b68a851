import { PROJECT } from '../../project.ts'
import { MiB } from '../../units.ts'
import { GPU_RESOURCE, type Gpu, isOld, usableGpuMemory } from './hardware.ts'

/** What a node says of its GPUs, as the cluster's API has it. */
export interface NodeGpus {
  labels: Readonly<Record<string, string>>
  /** Amounts by resource. */
  allocatable: Readonly<Record<string, number>>
  /** What of them no pod of others has. */
  free(resource: string): number
  /** Bytes of a GPU whose labels say none, by the settings. */
  memory: number | undefined
  /** Whether pods of others have devices by claims of dynamic resource allocation, which no node counts. */
  hasClaims: boolean
}

interface Found {
  gpus: Gpu[]
  /** What is passed over, and why. */
  notPlanned: string[]
}

/** Resources of NVIDIA's device plugin: whole cards, MIG slices, and shares of both under a name of their own. */
const NVIDIA = /^nvidia\.com\/(gpu|mig-(\d+)g\.(\d+)gb(?:\.(?!shared)[a-z.]+?)?)(\.shared)?$/
/** Words in the resource names of accelerators of all makers. */
const ACCELERATOR = /^nvidia\.com\/|gpu|\/(i915|xe|gaudi|neuron|tpu|npu|ascend)/i
/** A slice has somewhat less than the GiB in its name: 9728 MiB in that of 10gb. */
const SLICE_SHARE = 0.95
/** Old versions of GPU feature discovery wrote bytes; no card has so many MiB. */
const MOST_MIB = 10_000_000
/** Compute slices that a card is cut into; an A30 has fewer. */
const slicesOf = (product: string): number => (/A30(?!\d)/.test(product) ? 4 : 7)

/** The GPUs of a node that a stack may be planned with. */
export function gpusOf(node: NodeGpus): Found {
  const found = Object.keys(node.allocatable)
    .filter(resource => node.allocatable[resource]! > 0 && ACCELERATOR.test(resource))
    .map(resource => gpusOfResource(resource, node))
  return {
    gpus: found.flatMap(({ gpus }) => gpus),
    notPlanned: found.flatMap(({ notPlanned }) => notPlanned),
  }
}

function gpusOfResource(resource: string, node: NodeGpus): Found {
  const { labels, allocatable } = node
  const none = (why: string, what?: string): Found => ({
    gpus: [],
    notPlanned: [`${allocatable[resource]} ${resource}${what ? ` (${what})` : ''}: ${why}`],
  })
  const [, kind, compute, gib, renamed] = NVIDIA.exec(resource) ?? []
  if (kind === undefined) {
    return none(
      resource.startsWith('nvidia.com/')
        ? `a name of the cluster's own; ${GPU_RESOURCE} and nvidia.com/mig-… are planned with`
        : "only NVIDIA's GPUs are planned with",
    )
  }
  if (node.hasClaims) {
    return none('pods have devices by resource claims, and which ones no node says')
  }
  const label = (name: string) => labels[`nvidia.com/${kind}.${name}`]
  const product = label('product') ?? labels['nvidia.com/gpu.product'] ?? 'GPU'
  const isSlice = compute !== undefined || labels['nvidia.com/gpu.slices.gi'] !== undefined
  const labelled = labelledMemory(label('memory'))
  const named = gib === undefined ? undefined : Math.floor(Number(gib) * 1024 * SLICE_SHARE) * MiB
  const reported = labelled ?? named ?? node.memory
  const free = Math.max(0, Math.floor(node.free(resource)))
  if (reported === undefined) {
    return none(
      `no label nvidia.com/gpu.memory says how much memory each has; let NVIDIA's GPU feature discovery write it, or set ${PROJECT}:kubernetes.gpu.memory`,
    )
  }
  const replicas = label('replicas')
  const capability = `${labels['nvidia.com/gpu.compute.major']}.${labels['nvidia.com/gpu.compute.minor'] ?? 0}`
  const gpu: Gpu = {
    product,
    ...(isOld(capability) && { old: true as const }),
    memory: usableGpuMemory(reported),
    resource,
    ...(labelled === undefined && named === undefined && { unlabelled: true as const }),
    ...(replicas !== undefined && { counted: true as const }),
  }
  const what = `${product}, ${Math.floor(reported / MiB)} MiB`
  const shares = Number(replicas ?? 1)
  const strategy = label('sharing-strategy') ?? 'none'
  const isShared = renamed !== undefined || shares > 1 || strategy !== 'none'
  if (!isShared) {
    const count = isSlice ? free : Math.min(free, wholeCards(product, node))
    const all = repeat(isSlice ? { ...gpu, part: 'slice' as const } : gpu, count)
    return { gpus: all, notPlanned: count < free ? none(SLICED, what).notPlanned : [] }
  }
  if (strategy === 'none') {
    return none(
      `${shares} share each, and the label nvidia.com/gpu.sharing-strategy, which NVIDIA's device plugin writes from 0.15 on, does not say how`,
      what,
    )
  }
  if (strategy === 'mps') {
    const share = { ...gpu, memory: Math.floor(gpu.memory / shares), part: 'mps-share' as const }
    return { gpus: repeat({ ...share, shares }, free), notPlanned: [] }
  }
  // Which card a turn is on nobody says before it is had, so two pods may share one, and others' pods be on it too.
  if (free < allocatable[resource]!) {
    return none('turns on cards that other pods have turns on, and may fill', what)
  }
  return { gpus: [{ ...gpu, part: 'time-share' }], notPlanned: [] }
}

const SLICED = 'cards of it are cut into MIG slices, and counted as whole ones all the same'

/** Cards that are not cut into MIG slices, by the slices that there are. */
function wholeCards(product: string, { labels, allocatable }: NodeGpus): number {
  const compute = Object.entries(allocatable).reduce((sum, [resource, amount]) => {
    const [, , compute = 0] = NVIDIA.exec(resource) ?? []
    return sum + Number(compute) * amount
  }, 0)
  const cards = Number(labels['nvidia.com/gpu.count'] ?? allocatable[GPU_RESOURCE] ?? 0)
  return Math.max(0, cards - Math.ceil(compute / slicesOf(product)))
}

/** Bytes; undefined where a label says none. */
function labelledMemory(label: string | undefined): number | undefined {
  const amount = Number(label ?? 0)
  if (!(amount > 0)) return undefined
  return amount > MOST_MIB ? amount : amount * MiB
}

const repeat = (gpu: Gpu, count: number): Gpu[] => Array.from({ length: count }, () => gpu)
