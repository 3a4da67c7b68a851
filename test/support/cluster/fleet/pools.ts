import type { KubeObject } from '../api.ts'

/** Nodes alike, with the labels and the allocatable that the real ones carry. */
export interface NodePool {
  name: string
  count: number
  labels: Record<string, string>
  allocatable: Record<string, string>
  taints?: { key: string; value?: string; effect: string }[]
  cordoned?: boolean
}

/** What NVIDIA's GPU feature discovery and device plugin say of a card. */
interface Card {
  product: string
  /** MiB. */
  memory: number
  family: string
  /** CUDA compute capability. */
  compute: [major: number, minor: number]
}

const CARDS = {
  T4: { product: 'Tesla-T4', memory: 15_360, family: 'turing', compute: [7, 5] },
  L4: { product: 'NVIDIA-L4', memory: 23_034, family: 'ada-lovelace', compute: [8, 9] },
  A100: { product: 'NVIDIA-A100-SXM4-40GB', memory: 40_960, family: 'ampere', compute: [8, 0] },
  H100: { product: 'NVIDIA-H100-80GB-HBM3', memory: 81_559, family: 'hopper', compute: [9, 0] },
} satisfies Record<string, Card>

/** Allocatable of machines as the cloud providers hand them out: less than the machine's own, and odd. */
const MACHINES = {
  small: { cpu: '3920m', memory: '13570104Ki', 'ephemeral-storage': '47093746742', pods: '110' },
  large: { cpu: '15890m', memory: '58557104Ki', 'ephemeral-storage': '189217404206', pods: '110' },
  huge: { cpu: '95690m', memory: '1102411440Ki', 'ephemeral-storage': '891227120206', pods: '110' },
}

const GPU_TAINT = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }

const gpuLabels = (card: Card, count: number): Record<string, string> => ({
  'nvidia.com/gpu.present': 'true',
  'nvidia.com/gpu.product': card.product,
  'nvidia.com/gpu.memory': String(card.memory),
  'nvidia.com/gpu.count': String(count),
  'nvidia.com/gpu.replicas': '1',
  'nvidia.com/gpu.sharing-strategy': 'none',
  'nvidia.com/gpu.family': card.family,
  'nvidia.com/gpu.compute.major': String(card.compute[0]),
  'nvidia.com/gpu.compute.minor': String(card.compute[1]),
})

const cutBy = (strategy: string) => ({
  'nvidia.com/mig.capable': 'true',
  'nvidia.com/mig.strategy': strategy,
})

/** An A100 cut into seven, as the device plugin's mixed strategy shows it: no whole GPU is left. */
const MIG_LABELS = {
  ...gpuLabels(CARDS.A100, 1),
  ...cutBy('mixed'),
  'nvidia.com/mig-1g.5gb.count': '7',
  'nvidia.com/mig-1g.5gb.memory': '4864',
  'nvidia.com/mig-1g.5gb.product': 'NVIDIA-A100-SXM4-40GB-MIG-1g.5gb',
}

/** Two halves of an A100, as the device plugin's single strategy shows them: as if they were whole cards. */
const SLICE_LABELS = {
  ...gpuLabels(CARDS.A100, 2),
  'nvidia.com/gpu.product': 'NVIDIA-A100-SXM4-40GB-MIG-3g.20gb',
  'nvidia.com/gpu.memory': '19968',
  'nvidia.com/gpu.slices.gi': '3',
  'nvidia.com/gpu.slices.ci': '3',
  ...cutBy('single'),
}

/** One card that several share. */
const shared = (card: Card, shares: number, strategy: string) => ({
  ...gpuLabels(card, 1),
  'nvidia.com/gpu.product': `${card.product}-SHARED`,
  'nvidia.com/gpu.replicas': `${shares}`,
  'nvidia.com/gpu.sharing-strategy': strategy,
})

const gpus = (card: Card, count: number) => ({
  labels: gpuLabels(card, count),
  resources: { 'nvidia.com/gpu': `${count}` } as Record<string, string>,
})

/** What machines with GPUs have beyond others, by the kind of their GPUs. */
export const GPU_KINDS = {
  T4: gpus(CARDS.T4, 1),
  L4: gpus(CARDS.L4, 2),
  A100: gpus(CARDS.A100, 1),
  H100: gpus(CARDS.H100, 8),
  mig: { labels: MIG_LABELS, resources: { 'nvidia.com/gpu': '0', 'nvidia.com/mig-1g.5gb': '7' } },
  slices: { labels: SLICE_LABELS, resources: { 'nvidia.com/gpu': '2' } },
  turns: { labels: shared(CARDS.L4, 3, 'time-slicing'), resources: { 'nvidia.com/gpu': '3' } },
  mps: { labels: shared(CARDS.A100, 4, 'mps'), resources: { 'nvidia.com/gpu': '4' } },
  bare: {
    labels: { 'cloud.google.com/gke-accelerator': 'nvidia-l4' },
    resources: { 'nvidia.com/gpu': '1' },
  },
  amd: { labels: {}, resources: { 'amd.com/gpu': '2' } },
}
export type GpuKind = keyof typeof GPU_KINDS

/** One machine with GPUs, kept free for those who want them. */
export function gpuNode(name: string, kind: GpuKind, machine: Record<string, string>): NodePool {
  const { labels, resources } = GPU_KINDS[kind]
  return {
    name,
    count: 1,
    labels,
    allocatable: { ...machine, ...resources },
    taints: [GPU_TAINT],
  }
}

/** One of everything: where the whole stack finds its place, and each kind of GPU its pool. */
export const POOLS: NodePool[] = [
  { name: 'cpu-small', count: 3, labels: {}, allocatable: MACHINES.small },
  { name: 'cpu-large', count: 2, labels: {}, allocatable: MACHINES.large },
  gpuNode('t4', 'T4', MACHINES.large),
  gpuNode('l4', 'L4', MACHINES.large),
  gpuNode('a100', 'A100', MACHINES.large),
  gpuNode('h100', 'H100', MACHINES.huge),
  gpuNode('mig', 'mig', MACHINES.large),
]

/** The nodes of a pool, as they register themselves. */
export function nodesOf({
  name,
  count,
  labels,
  allocatable,
  taints,
  cordoned,
}: NodePool): KubeObject[] {
  return Array.from({ length: count }, (_, index) => {
    const node = `${name}-${index}`
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: node,
        labels: {
          'kubernetes.io/hostname': node,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': 'amd64',
          pool: name,
          ...labels,
        },
      },
      spec: { ...(taints && { taints }), ...(cordoned && { unschedulable: true }) },
      status: { allocatable, capacity: allocatable },
    }
  })
}
