import type { KvCacheType } from '../config-schema.ts'
import type { Role } from '../models.ts'
import type { Architecture } from './architecture.ts'
import { type DataDemand, estimateChroma } from './chroma.ts'
import { type Estimate, estimateModel } from './estimate.ts'
import type { Node } from './hardware.ts'
import { SERVER_BYTES } from './overhead.ts'
import { type Pool, poolModels } from './pools.ts'
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
  /** The Ollama that serves it: `cpu`, `gpu`, `gpu-1`, … */
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

/** The Ollama whose models are on no GPU. */
const CPU_POOL = 'cpu'

/**
 * The servers of a stack, sized. Models are put on GPUs where the given machines have some that hold them; the
 * rest share the Ollama on CPUs.
 */
export function sizeStack(demand: StackDemand, nodes: readonly Node[]): SizedStack {
  const onGpu = demand.models.map(model => estimate(demand, model, 'all'))
  const pools = poolModels(onGpu, nodes).map((pool, index, all) => ({
    ...pool,
    name: all.length === 1 ? 'gpu' : `gpu-${index + 1}`,
  }))
  const models = demand.models.map((model, index) => {
    const pool = pools.find(({ members }) => members.includes(index))
    return pool === undefined
      ? { ...model, estimate: estimate(demand, model, 0), pool: CPU_POOL }
      : { ...model, estimate: onGpu[index]!, pool: pool.name }
  })
  const served = Map.groupBy(models, model => model.pool)
  return {
    models,
    workloads: [
      ...chromaWorkloads(demand.data),
      ...[...served].map(([name, models]) =>
        ollamaWorkload(
          name,
          models,
          pools.find(pool => pool.name === name),
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

function ollamaWorkload(
  name: string,
  models: readonly SizedModel[],
  pool: Pool | undefined,
): Workload {
  const total = (bytes: (estimate: Estimate) => number) =>
    Math.ceil(models.reduce((sum, model) => sum + bytes(model.estimate), 0))
  const memory = SERVER_BYTES + total(({ reserved, margin }) => reserved.host + margin.host)
  const gpu = pool && {
    gpu: { count: pool.count, memory: pool.used, resource: pool.gpu.resource },
  }
  const resources = { memory, disk: total(({ disk }) => disk), ...gpu }
  return {
    name: `ollama-${name}`,
    kind: 'ollama',
    models: models.map(model => model.name),
    requests: { cpu: CPU.ollama, ...resources },
    limits: { cpu: CPU_LIMIT.ollama, ...resources },
    resident: SERVER_BYTES + total(({ resident }) => resident.host),
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
