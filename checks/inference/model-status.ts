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
export interface ModelStatus {
  name: string
  serves: string
  role: DeployedModel['role']
  pool: string
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
  const base = stored.find(({ name }) => name === model.name)
  const serves = stored.find(({ name }) => name === model.serves)
  const loaded = running.find(({ name }) => name === model.serves)
  return {
    name: model.name,
    serves: model.serves,
    role: model.role,
    pool: model.pool,
    present: base !== undefined && serves !== undefined,
    digest: base?.digest,
    servesDigest: serves?.digest,
    asProvisioned: allSame([
      [model.digest, base?.digest],
      [model.servesDigest, serves?.digest],
    ]),
    size: serves?.size,
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
