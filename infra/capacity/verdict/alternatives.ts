import type { Role } from '../../settings/model-definition.ts'
import { formatBytes, MiB } from '../../units.ts'
import { type CurrentUsage, planCapacity, VERDICTS } from '../capacity-plan.ts'
import { GPU_RESOURCE, type Node, SERVER_GPUS, usableGpuMemory } from '../hardware/hardware.ts'
import type { ModelDemand } from '../sized-model.ts'
import { type StackDemand, sizeStack } from '../stack.ts'
import {
  both,
  lessData,
  lighterVariants,
  modelVariant,
  moreInstances,
  type Variant,
} from './variants.ts'

/** A change with which the stack would fit: its settings, empty where it is hardware alone that changes. */
export type Alternative = Omit<Variant, 'demand'>

const MODELS_OFFERED = 3

/** Whether a stack fits on machines. */
type Fits = (demand: StackDemand, nodes: readonly Node[]) => boolean

/**
 * What would fit instead, cheapest first: lighter settings (a q8_0 cache, a smaller context, both, more Chroma
 * servers), a smaller model of the same role, with lighter settings where it needs them, and last what costs
 * money: a further machine of a pool, a GPU, with lighter settings where a smaller one does then, more memory.
 * @param candidates the models that may take another's place
 */
export function findAlternatives(
  demand: StackDemand,
  nodes: readonly Node[],
  held: CurrentUsage,
  candidates: readonly ModelDemand[],
): Alternative[] {
  const fits: Fits = (demand, nodes) =>
    planCapacity(sizeStack(demand, nodes).workloads, nodes, held).verdict !== VERDICTS.none
  const fitsHere = ({ demand }: Variant) => fits(demand, nodes)
  const [quantized, ...smaller] = lighterVariants(demand)
  const bySettings = [
    ...[quantized].filter(variant => variant !== undefined).filter(fitsHere),
    ...smaller.filter(fitsHere).slice(0, 1),
    ...moreInstances(demand).filter(fitsHere).slice(0, 1),
    ...otherModels('chat', demand, candidates, fitsHere),
    ...otherModels('embedding', demand, candidates, fitsHere),
  ]
  return [
    ...(bySettings.length > 0 ? bySettings : fewerCreators(demand, candidates, fitsHere)),
    ...furtherMachines(demand, nodes, fits),
    ...otherGpus(demand, nodes, fits),
    ...moreMemory(demand, nodes, held),
  ].map(({ change, cost, settings }) => ({ change, cost, settings }))
}

/**
 * The largest smaller models that fit as they are, and the largest that fit with lighter settings, where those are
 * larger.
 */
function otherModels(
  role: Role,
  demand: StackDemand,
  candidates: readonly ModelDemand[],
  fits: (variant: Variant) => boolean,
): Variant[] {
  const model = demand.models.find(model => model.role === role)
  if (model === undefined) return []
  const smaller = candidates
    .filter(other => other.role === role)
    .filter(({ architecture }) => architecture.fileBytes < model.architecture.fileBytes)
    .sort((a, b) => b.architecture.fileBytes - a.architecture.fileBytes)
    .map(other => modelVariant(demand, model, other))
  const plain = smaller.filter(fits)
  const larger = plain.length === 0 ? smaller : smaller.slice(0, smaller.indexOf(plain[0]!))
  const lighter = larger.flatMap(variant =>
    lighterVariants(variant.demand)
      .map(lighter => both(variant, lighter))
      .filter(fits)
      .slice(0, 1),
  )
  return [...plain.slice(0, MODELS_OFFERED), ...lighter.slice(0, MODELS_OFFERED)]
}

/** Where the data alone is too much: as many creators as there is room for, with a smaller chat model if need be. */
function fewerCreators(
  demand: StackDemand,
  candidates: readonly ModelDemand[],
  fits: (variant: Variant) => boolean,
): Variant[] {
  for (const less of lessData(demand)) {
    if (fits(less)) return [less]
    const [model] = otherModels('chat', less.demand, candidates, fits)
    if (model !== undefined) return [both(less, model)]
  }
  return []
}

/** One machine more of a pool that scales, the cheapest first. */
function furtherMachines(demand: StackDemand, nodes: readonly Node[], fits: Fits): Alternative[] {
  const price = ({ monthlyCost = Infinity }: Node) => monthlyCost
  return nodes
    .filter(pool => pool.template !== undefined)
    .filter(pool => {
      const larger = { ...pool, template: { max: pool.template!.max + 1 } }
      return fits(demand, replace(nodes, pool, larger))
    })
    .sort((a, b) => price(a) - price(b))
    .map(({ name, monthlyCost }) => ({
      change: `a further machine of the pool ${name}`,
      cost: monthlyCost === undefined ? 'its price' : `${monthlyCost} a month`,
      settings: {},
    }))
}

/** The smallest GPU in a machine that is there with which it fits, and a smaller one with lighter settings. */
function otherGpus(demand: StackDemand, nodes: readonly Node[], fits: Fits): Alternative[] {
  const withGpu = (suits: (machines: readonly Node[]) => Variant | undefined) => {
    for (const [product, mib] of Object.entries(SERVER_GPUS)) {
      const gpu = { product, memory: usableGpuMemory(mib * MiB), resource: GPU_RESOURCE }
      for (const node of nodes) {
        const machines = replace(nodes, node, { ...node, gpus: [...node.gpus, gpu] })
        const variant = suits(machines)
        const change = `an NVIDIA ${product} (${formatBytes(mib * MiB)}) in ${node.name}`
        if (variant !== undefined) return { product, change, variant }
      }
    }
    return undefined
  }
  const unchanged: Variant = { demand, change: '', cost: '', settings: {} }
  const lighter = lighterVariants(demand)
  const plain = withGpu(machines => (fits(demand, machines) ? unchanged : undefined))
  const smaller = withGpu(machines => lighter.find(({ demand }) => fits(demand, machines)))
  const cost = 'the price of the GPU'
  return [
    ...(plain === undefined ? [] : [{ change: plain.change, cost, settings: {} }]),
    ...(smaller === undefined || smaller.product === plain?.product
      ? []
      : [both({ ...unchanged, change: smaller.change, cost }, smaller.variant)]),
  ]
}

/** What one machine without a GPU would have to have free for all of it. */
function moreMemory(demand: StackDemand, nodes: readonly Node[], held: CurrentUsage) {
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

const replace = (nodes: readonly Node[], node: Node, other: Node): Node[] =>
  nodes.map(each => (each === node ? other : each))
