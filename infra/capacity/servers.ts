import { API_MEMORY } from '../servers/api-program.ts'
import { MiB } from '../units.ts'
import { type DataDemand, estimateChroma } from './chroma-memory.ts'
import { reportedGpuMemory } from './hardware/hardware.ts'
import type { Estimate } from './model/estimate.ts'
import { SERVER_BYTES } from './model/overhead.ts'
import type { Pool } from './pools.ts'
import type { SizedModel } from './sized-model.ts'
import type { NodeRequirement, Resources, Share, Workload } from './workload.ts'

/** Cores set aside, what a server needs to answer at all, and cores it is held to; work takes what is free. */
const CPU = {
  chroma: { request: 0.25, limit: 4 },
  ollama: { request: 1, limit: 64 },
  api: { request: 0.1, limit: 2 },
  verification: { request: 0.1, limit: 1 },
  backup: { request: 0.1, limit: 2 },
  front: { request: 0.05, limit: 1 },
  keeper: { request: 0.05, limit: 2 },
}
/** The API's keys and outputs on disk, and its process when it has little to do. */
const API = { disk: 16 * MiB, resident: 160 * MiB }
/** A process of Node with a handful of requests, for a minute. */
const VERIFICATION_MEMORY = 256 * MiB
/** A process of Node that reads creators in parts: what 40,000 records took (docs/benchmarks.md), and half as much again. */
const BACKUP_MEMORY = 1024 * MiB
/** A proxy with a few dozen connections, each with a body in memory. */
const FRONT_MEMORY = 128 * MiB
/** A process of Node that hashes files and asks models for one answer each. */
const KEEPER_MEMORY = 256 * MiB

/** @param authProxies whether a proxy stands in front of each server that others reach */
export function chromaWorkloads(data: DataDemand, authProxies: boolean): Workload[] {
  const { memory, disk } = estimateChroma(data)
  return Array.from({ length: data.instances }, (_, index) => ({
    name: data.instances === 1 ? 'chroma' : `chroma-${index}`,
    kind: 'chroma' as const,
    models: [],
    ...shares('chroma', { memory, disk }, { front: authProxies }),
    resident: memory,
    nodes: [],
  }))
}

/** The Ollama of a pool; one without GPUs where `gpus` is absent. */
export function ollamaWorkload(
  pool: string,
  models: readonly SizedModel[],
  gpus: Pool | undefined,
  beside: Beside,
): Workload {
  const total = (bytes: (estimate: Estimate) => number) =>
    Math.ceil(models.reduce((sum, model) => sum + bytes(model.estimate), 0))
  const needs = {
    memory: SERVER_BYTES + total(({ reserved, margin }) => reserved.host + margin.host),
    disk: total(({ disk }) => disk),
    ...(gpus && { gpu: gpuDemand(gpus) }),
  }
  return {
    name: `ollama-${pool}`,
    kind: 'ollama',
    pool,
    models: models.map(model => model.name),
    ...shares('ollama', needs, beside),
    resident: SERVER_BYTES + total(({ resident }) => resident.host),
    nodes: gpuRequirement(needs.gpu),
  }
}

/** The HTTP API is an auth proxy itself: it checks the tokens of its callers. */
export const apiWorkload = (): Workload =>
  plain('api', { memory: API_MEMORY, disk: API.disk }, API.resident)

/** The checks as a pod of their own, which has to find room beside all others. */
export const verificationWorkload = (): Workload =>
  plain('verification', { memory: VERIFICATION_MEMORY, disk: 0 }, VERIFICATION_MEMORY)

/** A backup as a pod of its own, for as long as it takes. */
export const backupWorkload = (): Workload =>
  plain('backup', { memory: BACKUP_MEMORY, disk: 0 }, BACKUP_MEMORY)

/** A server of the project's own, with nothing beside it. */
const plain = (kind: Kind, needs: Omit<Resources, 'cpu'>, resident: number): Workload => ({
  name: kind,
  kind,
  models: [],
  ...shares(kind, needs, {}),
  resident,
  nodes: [],
})

function gpuDemand({ gpus, used }: Pool): GpuDemand {
  const { product: _, uuid: __, old: ___, ...gpu } = gpus[0]
  const uuids = gpus.flatMap(({ uuid }) => uuid ?? []) as [string, ...string[]]
  return { ...gpu, count: gpus.length, memory: used, ...(uuids.length > 0 && { uuids }) }
}

/**
 * Kubernetes takes one GPU for another: only the labels of GPU feature discovery keep a pod off one that is too small,
 * a slice of one, or a share. The name of a MIG slice's own resource says all of that.
 */
function gpuRequirement(gpu: GpuDemand | undefined): NodeRequirement[] {
  if (gpu === undefined || !/^nvidia\.com\/gpu(\.shared)?$/.test(gpu.resource)) return []
  const { part, shares = 1, counted, unlabelled } = gpu
  const says = (label: string, operator: NodeRequirement['operator'], ...values: string[]) => ({
    key: `nvidia.com/gpu.${label}`,
    operator,
    ...(values.length > 0 && { values }),
  })
  const tooSmall = Math.ceil((reportedGpuMemory(gpu.memory) * shares) / MiB) - 1
  return [
    unlabelled ? says('memory', 'DoesNotExist') : says('memory', 'Gt', `${tooSmall}`),
    part === 'time-share' || part === 'mps-share'
      ? says('sharing-strategy', 'In', part === 'mps-share' ? 'mps' : 'time-slicing')
      : says('sharing-strategy', 'NotIn', 'time-slicing', 'mps'),
    ...(counted && part !== 'time-share' ? [says('replicas', 'Lt', `${shares + 1}`)] : []),
    ...(part === undefined ? [says('slices.gi', 'DoesNotExist')] : []),
    ...(part === 'slice' ? [says('slices.gi', 'Exists')] : []),
  ]
}

type GpuDemand = NonNullable<Resources['gpu']>

type Kind = Workload['kind']

/** What runs in one network namespace with a server. */
interface Beside {
  front?: boolean
  keeper?: boolean
}

/** The server's part, those of what is beside it, and the whole of all. */
function shares(kind: Kind, needs: Omit<Resources, 'cpu'>, beside: Beside) {
  const server = share(CPU[kind], needs)
  const front = beside.front && share(CPU.front, { memory: FRONT_MEMORY, disk: 0 })
  const keeper = beside.keeper && share(CPU.keeper, { memory: KEEPER_MEMORY, disk: 0 })
  const all = [server, ...(front ? [front] : []), ...(keeper ? [keeper] : [])]
  return {
    requests: all.map(({ requests }) => requests).reduce(both),
    limits: all.map(({ limits }) => limits).reduce(both),
    server,
    ...(front && { front }),
    ...(keeper && { keeper }),
  }
}

/** In whole MiB, which all targets can be told without rounding. */
function share(
  cpu: { request: number; limit: number },
  { memory, ...needs }: Omit<Resources, 'cpu'>,
): Share {
  const whole = { ...needs, memory: Math.ceil(memory / MiB) * MiB }
  return { requests: { cpu: cpu.request, ...whole }, limits: { cpu: cpu.limit, ...whole } }
}

const both = (one: Resources, other: Resources): Resources => ({
  ...one,
  cpu: one.cpu + other.cpu,
  memory: one.memory + other.memory,
})

/** A workload and its further replicas, each of which needs as much. */
export const replicated = (workload: Workload, count: number): Workload[] =>
  Array.from({ length: count }, (_, index) =>
    index === 0 ? workload : { ...workload, name: `${workload.name} (${index + 1})` },
  )
