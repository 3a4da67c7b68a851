import type { DeployedModel } from '../../infra/outputs.ts'
import type { Bytes } from '../../infra/units.ts'
import type { OllamaServer } from './ollama-server.ts'

/** A model in memory, by what its server reckons. */
export interface LoadedModel {
  memory: Bytes
  gpuMemory: Bytes
  /** Where it runs, by what the server says lies where. */
  processor: 'cpu' | 'gpu' | 'split'
  contextLength: number | undefined
}

/** A model of the deployment as its server has it. */
export interface ModelStatus extends Pick<DeployedModel, 'name' | 'serves' | 'role' | 'pool'> {
  /** In the store, under both names. */
  present: boolean
  /** Manifest digests of `name` and `serves`, for those that are there. */
  digest: string | undefined
  servesDigest: string | undefined
  /** Whether the digests are those that were provisioned; undefined when none was recorded or nothing is there. */
  asProvisioned: boolean | undefined
  /** Bytes in the store. */
  size: Bytes | undefined
  /** Absent when it is not in memory. */
  loaded: LoadedModel | undefined
}

export async function modelStatus(
  server: OllamaServer,
  model: DeployedModel,
  signal?: AbortSignal,
): Promise<ModelStatus> {
  const stored = await server.stored(signal)
  const running = await server.running(signal)
  const { name, serves, role, pool } = model
  const base = stored.find(found => found.name === name)
  const derived = stored.find(found => found.name === serves)
  const loaded = running.find(found => found.name === serves)
  return {
    name,
    serves,
    role,
    pool,
    present: base !== undefined && derived !== undefined,
    digest: base?.digest,
    servesDigest: derived?.digest,
    asProvisioned: allSame([
      [model.digest, base?.digest],
      [model.servesDigest, derived?.digest],
    ]),
    size: derived?.size,
    loaded: loaded && {
      memory: loaded.size,
      gpuMemory: loaded.gpuSize,
      processor: loaded.gpuSize === 0 ? 'cpu' : loaded.gpuSize >= loaded.size ? 'gpu' : 'split',
      contextLength: loaded.contextLength,
    },
  }
}

/** Undefined when no pair can be compared. A digest may be written with or without `sha256:` before it. */
function allSame(pairs: [string | undefined, string | undefined][]): boolean | undefined {
  const comparable = pairs.filter(([pinned, found]) => pinned !== undefined && found !== undefined)
  if (comparable.length === 0) return undefined
  return comparable.every(([pinned, found]) => bare(pinned!) === bare(found!))
}

const bare = (digest: string): string => digest.replace(/^sha256:/, '')
