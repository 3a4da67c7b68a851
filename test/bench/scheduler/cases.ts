import fc from 'fast-check'
import type { ModelDemand } from '../../../infra/capacity/sized-model.ts'
import { type StackDemand, sizeStack } from '../../../infra/capacity/stack.ts'
import type { Workload } from '../../../infra/capacity/workload.ts'
import { MiB } from '../../../infra/units.ts'
import type { KubeObject } from '../../support/cluster/api.ts'
import { type GpuKind, gpuNode, nodesOf } from '../../support/cluster/fleet/pools.ts'
import { modelDemand, stackDemand } from '../../support/stack/demand.ts'

/** A stack, and a cluster that it may or may not fit on. */
export interface Case {
  demand: StackDemand
  nodes: KubeObject[]
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

/** A machine that holds some of the stack's workloads, and more or less than that. */
interface Machine {
  kind: 'cpu' | GpuKind
  spareMemory: number
  spareCores: number
}

const someMachine: fc.Arbitrary<Machine> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant('cpu' as const) },
    { weight: 1, arbitrary: fc.constantFrom<GpuKind[]>('T4', 'L4', 'A100', 'mig') },
  ),
  spareMemory: fc.constantFrom(-MiB, 0, 0, 500 * MiB, 4096 * MiB, 32_768 * MiB),
  spareCores: fc.constantFrom(-0.001, 0, 0, 0.5, 2, 16),
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
    return { demand, nodes, seed }
  })

/** The least that a machine has left when the system has taken its part. */
const LEAST = { memory: 256 * MiB, cores: 0.1 }

function nodeOf(
  { kind, spareMemory, spareCores }: Machine,
  name: string,
  held: readonly Workload[],
): KubeObject[] {
  const sum = (of: (workload: Workload) => number) =>
    held.reduce((total, workload) => total + of(workload), 0)
  const memory = Math.max(LEAST.memory, sum(({ requests }) => requests.memory) + spareMemory)
  const cores = Math.max(LEAST.cores, sum(({ requests }) => requests.cpu) + spareCores)
  const allocatable = {
    cpu: `${Math.round(cores * 1000)}m`,
    memory: `${memory}`,
    'ephemeral-storage': '47093746742',
    pods: '110',
  }
  return nodesOf(
    kind === 'cpu' ? { name, count: 1, labels: {}, allocatable } : gpuNode(name, kind, allocatable),
  )
}
