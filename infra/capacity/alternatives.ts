import { formatBytes, MiB } from '../units.ts'
import { GPU_MEMORY_MIB, GPU_RESOURCE, type Node, usableGpuMemory } from './hardware.ts'
import { type Held, planCapacity, VERDICTS } from './plan.ts'
import { type ModelDemand, type StackDemand, sizeStack } from './stack.ts'

/** A change with which the stack would fit. */
export interface Alternative {
  change: string
  /** What is given up for it. */
  cost: string
  /** Settings that make the change, by key; empty where it is hardware that changes. */
  settings: Record<string, string>
}

const MIN_CONTEXT = 2048
const MODELS_OFFERED = 3

/**
 * What would fit instead, cheapest first: a q8_0 cache, a smaller context, both, a smaller model of the same
 * role, and last what costs money, a GPU or more memory.
 * @param candidates the models that may take another's place
 */
export function findAlternatives(
  demand: StackDemand,
  nodes: readonly Node[],
  held: Held,
  candidates: readonly ModelDemand[],
): Alternative[] {
  const fits = (changed: StackDemand, machines = nodes) =>
    planCapacity(sizeStack(changed, machines).workloads, machines, held).verdict !== VERDICTS.none
  return [
    ...quantizedCache(demand, fits),
    ...smallerContext(demand, fits),
    ...smallerModels(demand, candidates, fits),
    ...otherGpu(demand, nodes, fits),
    ...moreMemory(demand, nodes, held),
  ]
}

type Fits = (demand: StackDemand, nodes?: readonly Node[]) => boolean

function quantizedCache(demand: StackDemand, fits: Fits): Alternative[] {
  if (demand.kvCache !== 'f16' || !fits({ ...demand, kvCache: 'q8_0' })) return []
  return [
    {
      change: 'a q8_0 KV cache',
      cost: 'a little precision on long contexts',
      settings: { kvCacheType: 'q8_0' },
    },
  ]
}

/** The longest context that fits, by halves, with the cache as it is and then quantized. */
function smallerContext(demand: StackDemand, fits: Fits): Alternative[] {
  const chat = demand.models.find(model => model.role === 'chat')
  if (chat === undefined) return []
  for (let tokens = chat.contextLength / 2; tokens >= MIN_CONTEXT; tokens /= 2) {
    const contextLength = Math.floor(tokens)
    const models = demand.models.map(model => (model === chat ? { ...chat, contextLength } : model))
    const cost = `requests of at most ${contextLength} tokens instead of ${chat.contextLength}`
    const settings = { contextLength: String(contextLength) }
    if (fits({ ...demand, models })) {
      return [{ change: `a context of ${contextLength} tokens`, cost, settings }]
    }
    if (demand.kvCache === 'f16' && fits({ ...demand, models, kvCache: 'q8_0' })) {
      return [
        {
          change: `a context of ${contextLength} tokens with a q8_0 KV cache`,
          cost,
          settings: { ...settings, kvCacheType: 'q8_0' },
        },
      ]
    }
  }
  return []
}

/** The largest models of the same role that fit in the place of one that is there. */
function smallerModels(
  demand: StackDemand,
  candidates: readonly ModelDemand[],
  fits: Fits,
): Alternative[] {
  return demand.models.flatMap(model =>
    candidates
      .filter(({ role, architecture }) => {
        const smaller = architecture.fileBytes < model.architecture.fileBytes
        return role === model.role && smaller
      })
      .sort((a, b) => b.architecture.fileBytes - a.architecture.fileBytes)
      .filter(candidate => {
        const models = demand.models.map(other => (other === model ? candidate : other))
        return fits({ ...demand, models })
      })
      .slice(0, MODELS_OFFERED)
      .map(candidate => ({
        change: `${candidate.name} (${formatBytes(candidate.architecture.fileBytes)}) instead of ${model.name}`,
        cost: model.role === 'chat' ? 'weaker answers' : 'all knowledge has to be embedded again',
        settings: { [`${model.role}Model`]: candidate.name },
      })),
  )
}

/** The smallest GPU that makes it fit in a machine that is there. */
function otherGpu(demand: StackDemand, nodes: readonly Node[], fits: Fits): Alternative[] {
  for (const [product, mib] of Object.entries(GPU_MEMORY_MIB)) {
    const gpu = { product, memory: usableGpuMemory(mib * MiB), resource: GPU_RESOURCE }
    const node = nodes.find(node =>
      fits(
        demand,
        nodes.map(other => (other === node ? { ...other, gpus: [...other.gpus, gpu] } : other)),
      ),
    )
    if (node !== undefined) {
      return [
        {
          change: `an NVIDIA ${product} (${formatBytes(mib * MiB)}) in ${node.name}`,
          cost: 'the price of the GPU',
          settings: {},
        },
      ]
    }
  }
  return []
}

/** What one machine without a GPU would have to have free for all of it. */
function moreMemory(demand: StackDemand, nodes: readonly Node[], held: Held): Alternative[] {
  const { workloads } = sizeStack(demand, [])
  const memory = workloads.reduce((sum, { requests }) => sum + requests.memory, 0)
  const largest = Math.max(...nodes.map(node => node.memory + (held[node.name]?.memory ?? 0)))
  if (memory <= largest) return []
  return [
    {
      change: `a machine with ${formatBytes(memory)} of memory available`,
      cost: 'the price of the memory; answers come at the speed of its CPU',
      settings: {},
    },
  ]
}
