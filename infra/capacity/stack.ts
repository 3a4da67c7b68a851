import type { KvCacheType } from '../settings/settings-schema.ts'
import type { DataDemand } from './chroma-memory.ts'
import type { Node } from './hardware/hardware.ts'
import { type Estimate, estimateModel } from './model/estimate.ts'
import { type EstimatesOn, poolModels } from './pools.ts'
import {
  apiWorkload,
  backupWorkload,
  chromaWorkloads,
  ollamaWorkload,
  replicated,
  verificationWorkload,
} from './servers.ts'
import type { ModelDemand, SizedModel } from './sized-model.ts'
import type { Workload } from './workload.ts'

/** All that a stack runs. */
export interface StackDemand {
  /** Version of Ollama. */
  ollama: string
  parallel: number
  kvCache: KvCacheType
  models: readonly ModelDemand[]
  data: DataDemand
  /** Whether a proxy stands in front of Chroma and Ollama: everywhere but on a laptop. */
  authProxies: boolean
  /** On a cluster: how many pods a server has, those of Ollama with a model sidecar each, and whether one verifies or takes backups. */
  pods?: PodCounts
  /** The most that they come to where an autoscaler sets them. */
  scaled?: PodCounts
}

export interface PodCounts {
  ollama: number
  api: number
  verification?: boolean
  backup?: boolean
}

export interface SizedStack {
  workloads: Workload[]
  models: SizedModel[]
  /** The GPUs of each pool that has some, by what they are called. */
  products: Record<string, string>
}

/** The Ollama whose models are on no GPU. */
const CPU_POOL = 'cpu'

/**
 * The servers of a stack, sized. Models are put on GPUs where the given machines have some that hold them; the
 * rest share the Ollama on CPUs.
 */
export function sizeStack(demand: StackDemand, nodes: readonly Node[]): SizedStack {
  const onGpu = estimatesOnGpus(demand, nodes)
  const pools = poolModels(onGpu, nodes).map((pool, index, all) => ({
    ...pool,
    name: all.length === 1 ? 'gpu' : `gpu-${index + 1}`,
  }))
  const models = demand.models.map((model, index) => {
    const pool = pools.find(({ members }) => members.includes(index))
    return pool === undefined
      ? { ...model, estimate: estimate(demand, model, 0), pool: CPU_POOL }
      : { ...model, estimate: onGpu(pool.gpus[0])[index]!, pool: pool.name }
  })
  const served = Map.groupBy(models, model => model.pool)
  return {
    models,
    products: Object.fromEntries(pools.map(({ name, gpus }) => [name, gpus[0].product])),
    workloads: [
      ...chromaWorkloads(demand.data, demand.authProxies),
      ...[...served].flatMap(([name, models]) => {
        const gpus = pools.find(pool => pool.name === name)
        const beside = { front: demand.authProxies, keeper: demand.pods !== undefined }
        return replicated(ollamaWorkload(name, models, gpus, beside), demand.pods?.ollama ?? 1)
      }),
      ...replicated(apiWorkload(), demand.pods?.api ?? 1),
      ...(demand.pods?.verification ? [verificationWorkload()] : []),
      ...(demand.pods?.backup ? [backupWorkload()] : []),
    ],
  }
}

function estimatesOnGpus(demand: StackDemand, nodes: readonly Node[]): EstimatesOn {
  const on = (oldCard: boolean) =>
    demand.models.map(model => estimate(demand, model, 'all', oldCard))
  const recent = on(false)
  const old = nodes.some(({ gpus }) => gpus.some(({ old }) => old)) ? on(true) : recent
  return gpu => (gpu.old ? old : recent)
}

const estimate = (
  demand: StackDemand,
  model: ModelDemand,
  gpuLayers: 0 | 'all',
  oldCard = false,
): Estimate =>
  estimateModel(model.architecture, {
    ollama: demand.ollama,
    contextLength: model.contextLength,
    embedding: model.role === 'embedding',
    parallel: demand.parallel,
    kvCache: demand.kvCache,
    gpuLayers,
    oldCard,
  })
