import fc from 'fast-check'
import type { ModelDemand } from '../../../infra/capacity/sized-model.ts'
import { type StackDemand, sizeStack } from '../../../infra/capacity/stack.ts'
import type { Workload } from '../../../infra/capacity/workload.ts'
import { MiB } from '../../../infra/units.ts'
import type { KubeObject } from '../../support/cluster/api.ts'
import { GPU_KINDS, type GpuKind, gpuNode, nodesOf } from '../../support/cluster/fleet/pools.ts'
import { modelDemand, stackDemand } from '../../support/stack/demand.ts'

/** A stack, and a cluster that it may or may not fit on. */
export interface Case {
  demand: StackDemand
  nodes: KubeObject[]
  /** Pods of others on them. */
  others: KubeObject[]
  /** Of the orders that its pods come in. */
  seed: number
}

const CHATS = [
  'smollm2:135m',
  'qwen3:0.6b',
  'llama3.2:1b',
  'gemma3:4b',
  'llama2:7b',
  'gpt-oss:20b',
] as const

/** Stacks of real models, with as many pods as people run. */
const someDemand: fc.Arbitrary<StackDemand> = fc
  .record({
    embedding: fc.constantFrom('nomic-embed-text', 'all-minilm'),
    chat: fc.constantFrom(...CHATS),
    contextLength: fc.constantFrom(1024, 4096, 8192),
    parallel: fc.constantFrom(1, 1, 4),
    instances: fc.integer({ min: 1, max: 3 }),
    creators: fc.constantFrom(1000, 100_000, 300_000),
    ollama: fc.integer({ min: 1, max: 2 }),
    api: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ embedding, chat, contextLength, parallel, instances, creators, ollama, api }) => {
    const demand = stackDemand(chat, Math.min(contextLength, contextOf(chat)))
    const models: ModelDemand[] = [modelDemand(embedding, 256), demand.models[1]!]
    const data = { ...demand.data, instances, creators }
    return { ...demand, models, parallel, data, authProxies: true, pods: { ollama, api } }
  })

/** What the smallest of them was trained for. */
const contextOf = (chat: string): number =>
  ['smollm2:135m', 'llama2:7b'].includes(chat) ? 2048 : 8192

const GPU_KINDS_TRIED = Object.keys(GPU_KINDS).filter(kind => kind !== 'H100') as GpuKind[]

/** A machine that holds some of the stack's workloads, and more or less than that. */
interface Machine {
  kind: 'cpu' | 'windows' | 's390x' | 'arm64' | 'cordoned' | GpuKind
  spareMemory: number
  spareCores: number
  /** Pods that it takes. */
  pods: number
  /** What somebody else has on it, over what the stack was dealt. */
  other: (typeof OTHERS)[number]
}

/** Pods of others, by what the scheduler has to read to know what they hold. */
const OTHERS = ['none', 'containers', 'side-car', 'start', 'pod'] as const

const someMachine: fc.Arbitrary<Machine> = fc.record({
  kind: fc.oneof(
    { weight: 9, arbitrary: fc.constant('cpu' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('windows' as const, 's390x' as const, 'arm64' as const),
    },
    { weight: 1, arbitrary: fc.constant('cordoned' as const) },
    { weight: 5, arbitrary: fc.constantFrom<GpuKind[]>(...GPU_KINDS_TRIED) },
  ),
  spareMemory: fc.constantFrom(-MiB, 0, 0, 500 * MiB, 4096 * MiB, 32_768 * MiB),
  spareCores: fc.constantFrom(-0.001, 0, 0, 0.5, 2, 16),
  pods: fc.constantFrom(3, 5, 110, 110, 110, 110, 110, 110),
  other: fc.constantFrom('none' as const, ...OTHERS),
})

/** Most that a stack can have: three Chroma, two of each Ollama, two of the API. */
const WORKLOADS = 9

/**
 * Machines that are just filled when each workload is where it was dealt to, so that a byte decides: with room to
 * spare no order matters, without it most do, and with a little less nothing fits.
 */
export const someCase: fc.Arbitrary<Case> = fc
  .record({
    demand: someDemand,
    machines: fc.array(someMachine, { minLength: 1, maxLength: 4 }),
    dealt: fc.array(fc.nat(3), { minLength: WORKLOADS, maxLength: WORKLOADS }),
    seed: fc.nat(),
  })
  .map(({ demand, machines, dealt, seed }) => {
    const { workloads } = sizeStack(demand, [])
    const nodes = machines.flatMap((machine, index) => {
      const held = workloads.filter((_, number) => dealt[number]! % machines.length === index)
      return nodeOf(machine, `node-${index}`, held)
    })
    const others = machines.flatMap((machine, index) => otherOn(machine, `node-${index}`))
    return { demand, nodes, others, seed }
  })

/** The least that a machine has left when the system has taken its part. */
const LEAST = { memory: 256 * MiB, cores: 0.1 }

/** What somebody else's pod holds of a machine that has it, in whole. */
const HELD = { memory: 512 * MiB, cores: 0.25 }

function otherOn({ other }: Machine, machine: string): KubeObject[] {
  if (other === 'none') return []
  const container = (name: string, share: number, more: object = {}) => ({
    name,
    image: 'simulated:1',
    resources: {
      requests: { memory: `${HELD.memory * share}`, cpu: `${HELD.cores * 1000 * share}m` },
    },
    ...more,
  })
  const specs = {
    containers: { containers: [container('one', 0.5), container('two', 0.5)] },
    'side-car': {
      initContainers: [container('beside', 0.5, { restartPolicy: 'Always' })],
      containers: [container('main', 0.5)],
    },
    start: { initContainers: [container('start', 1)], containers: [container('main', 0.25)] },
    pod: { resources: container('pod', 1).resources, containers: [container('main', 0.25)] },
  }
  return [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `other-${machine}`, namespace: 'default' },
      spec: { nodeName: `${machine}-0`, ...specs[other] },
    },
  ]
}

function nodeOf(
  { kind, spareMemory, spareCores, pods, other }: Machine,
  name: string,
  held: readonly Workload[],
): KubeObject[] {
  const sum = (of: (workload: Workload) => number) =>
    held.reduce((total, workload) => total + of(workload), 0)
  const taken = other === 'none' ? { memory: 0, cores: 0 } : HELD
  const memory = sum(({ requests }) => requests.memory) + spareMemory
  const cores = sum(({ requests }) => requests.cpu) + spareCores
  const allocatable = {
    cpu: `${Math.round((Math.max(LEAST.cores, cores) + taken.cores) * 1000)}m`,
    memory: `${Math.max(LEAST.memory, memory) + taken.memory}`,
    'ephemeral-storage': '47093746742',
    pods: `${pods}`,
  }
  const plain = { name, count: 1, allocatable }
  switch (kind) {
    case 'cpu':
      return nodesOf({ ...plain, labels: {} })
    case 'windows':
      return nodesOf({ ...plain, labels: { 'kubernetes.io/os': 'windows' } })
    case 's390x':
    case 'arm64':
      return nodesOf({ ...plain, labels: { 'kubernetes.io/arch': kind } })
    case 'cordoned':
      return nodesOf({ ...plain, labels: {}, cordoned: true })
    default:
      return nodesOf(gpuNode(name, kind, allocatable))
  }
}
