import type { KvCacheType } from '../config-schema.ts'
import type { Role } from '../models.ts'
import type { Architecture } from './architecture.ts'
import { type DataDemand, estimateChroma } from './chroma.ts'
import { type Estimate, estimateModel } from './estimate.ts'
import type { Gpu, Node } from './hardware.ts'
import { SERVER_BYTES } from './overhead.ts'
import type { Workload } from './workload.ts'

/** A model as the stack wants to run it. */
export interface ModelDemand {
  name: string
  role: Role
  architecture: Architecture
  contextLength: number
}

/** All that a stack runs. */
export interface StackDemand {
  /** Version of Ollama. */
  ollama: string
  parallel: number
  kvCache: KvCacheType
  models: readonly ModelDemand[]
  data: DataDemand
}

export interface SizedModel extends ModelDemand {
  estimate: Estimate
  /** Index of the Ollama pool it is served by. */
  pool: string
}

export interface SizedStack {
  workloads: Workload[]
  models: SizedModel[]
}

/** Cores set aside: what a server needs to answer at all. Work takes what is free beyond. */
const CPU = { chroma: 0.25, ollama: 1 }
/** Cores a server is held to. */
const CPU_LIMIT = { chroma: 4, ollama: 64 }

/**
 * The servers of a stack, sized. Models are put on a GPU where the given machines have one that holds them,
 * together where they fit together; the rest share the Ollama on CPUs.
 */
export function sizeStack(demand: StackDemand, nodes: readonly Node[]): SizedStack {
  const onGpu = demand.models.map(model => estimate(demand, model, 'all'))
  const pools = poolModels(onGpu, nodes)
  const models = demand.models.map((model, index) => {
    const pool = pools.findIndex(({ members }) => members.includes(index))
    return pool === -1
      ? { ...model, estimate: estimate(demand, model, 0), pool: 'cpu' }
      : { ...model, estimate: onGpu[index]!, pool: poolName(pools, pool) }
  })
  const names = [...new Set(models.map(model => model.pool))]
  return {
    models,
    workloads: [
      ...chromaWorkloads(demand.data),
      ...names.map(name =>
        ollamaWorkload(
          name,
          models.filter(model => model.pool === name),
        ),
      ),
    ],
  }
}

const estimate = (demand: StackDemand, model: ModelDemand, gpuLayers: 0 | 'all'): Estimate =>
  estimateModel(model.architecture, {
    ollama: demand.ollama,
    contextLength: model.contextLength,
    parallel: demand.parallel,
    kvCache: demand.kvCache,
    gpuLayers,
  })

interface Pool {
  gpu: Gpu
  members: number[]
  used: number
}

/** First fit, largest model first, onto the smallest GPU that holds it. */
function poolModels(estimates: readonly Estimate[], nodes: readonly Node[]): Pool[] {
  const free: Pool[] = nodes
    .flatMap(node => node.gpus)
    .sort((a, b) => a.memory - b.memory)
    .map(gpu => ({ gpu, members: [], used: 0 }))
  const order = [...estimates.keys()].sort(
    (a, b) => gpuBytes(estimates[b]!) - gpuBytes(estimates[a]!),
  )
  for (const index of order) {
    const bytes = gpuBytes(estimates[index]!)
    const fits = free.filter(pool => pool.used + bytes <= pool.gpu.memory)
    const pool = fits.find(pool => pool.members.length > 0) ?? fits[0]
    pool?.members.push(index)
    if (pool) pool.used += bytes
  }
  return free.filter(pool => pool.members.length > 0)
}

const gpuBytes = ({ reserved, margin }: Estimate): number => reserved.gpu + margin.gpu

const poolName = (pools: readonly Pool[], index: number): string =>
  pools.length === 1 ? 'gpu' : `gpu-${index + 1}`

function ollamaWorkload(name: string, models: readonly SizedModel[]): Workload {
  const total = (bytes: (estimate: Estimate) => number) =>
    models.reduce((sum, model) => sum + bytes(model.estimate), 0)
  const memory = SERVER_BYTES + total(({ reserved }) => reserved.host)
  const limit = memory + total(({ margin }) => margin.host)
  const onGpu = total(gpuBytes)
  const disk = total(estimate => estimate.disk)
  const gpu = onGpu > 0 ? { gpu: { count: 1, memory: Math.ceil(onGpu) } } : {}
  return {
    name: `ollama-${name}`,
    kind: 'ollama',
    models: models.map(model => model.name),
    requests: { cpu: CPU.ollama, memory: Math.ceil(limit), disk, ...gpu },
    limits: { cpu: CPU_LIMIT.ollama, memory: Math.ceil(limit), disk, ...gpu },
    resident: Math.ceil(SERVER_BYTES + total(({ resident }) => resident.host)),
  }
}

function chromaWorkloads(data: DataDemand): Workload[] {
  const { memory, disk } = estimateChroma(data)
  return Array.from({ length: data.instances }, (_, index) => ({
    name: data.instances === 1 ? 'chroma' : `chroma-${index}`,
    kind: 'chroma' as const,
    models: [],
    requests: { cpu: CPU.chroma, memory, disk },
    limits: { cpu: CPU_LIMIT.chroma, memory, disk },
    resident: memory,
  }))
}
