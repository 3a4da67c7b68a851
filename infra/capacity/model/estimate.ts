import type { Bytes } from '../../units.ts'
import type { Architecture, Shape } from './architecture.ts'
import { computeBuffer, isKnownGraph } from './compute-buffers.ts'
import { checkpointBytes, kvPerLayer } from './kv-cache.ts'
import { CUDA_CONTEXT, inputBytes, outputBytes, processBytes } from './overhead.ts'
import { engineOf, type OllamaEngine, type Runtime } from './runtime.ts'
import { offload, type Split, splitWeights } from './weights.ts'

interface MemoryUse {
  /** What may come to be touched. */
  reserved: Split
  /** What is touched once a prompt has filled the context. */
  resident: Split
}

export interface MemoryPart extends MemoryUse {
  name: 'weights' | 'kv' | 'checkpoints' | 'compute' | 'output' | 'inputs' | 'process'
  /** Where the figure comes from. */
  source: string
}

export interface Estimate extends MemoryUse {
  engine: OllamaEngine
  layers: number
  parts: MemoryPart[]
  /** Bytes by which the reserved figure may be too low; limits are set above both. */
  margin: Split
  /** False where no machine here could confirm the rules: other families, and GPUs. */
  measured: boolean
  /** Bytes of the model's files. */
  disk: Bytes
}

/** A search for what would fit weighs one model in hundreds of stacks, and an estimate replays a whole graph. */
const estimates = new WeakMap<Architecture, Map<string, Estimate>>()

/**
 * What a model takes, in bytes, on the host and on the GPU, each part with its source.
 * @throws Failure for settings that no engine accepts
 */
export function estimateModel(architecture: Architecture, runtime: Runtime): Estimate {
  const known = estimates.get(architecture) ?? new Map<string, Estimate>()
  estimates.set(architecture, known)
  const key = JSON.stringify(runtime)
  const estimate = known.get(key) ?? makeEstimate(architecture, runtime)
  known.set(key, estimate)
  return estimate
}

function makeEstimate(architecture: Architecture, runtime: Runtime): Estimate {
  const { shape } = architecture
  const engine = engineOf(shape, runtime)
  const isSpawning = engine.generation === 'spawning'
  const rules = isSpawning ? 'llama.cpp as of Ollama 0.30' : 'Ollama 0.17.4'
  const fitted = `fitted on ${isSpawning ? '0.32.15' : '0.17.4'}`
  const parts: MemoryPart[] = [
    { name: 'weights', ...both(splitWeights(architecture, engine)), source: architecture.source },
    { name: 'kv', ...both(splitKv(shape, engine)), source: `cache rules of ${rules}` },
    { name: 'checkpoints', ...bothOnHost(checkpointBytes(shape, engine)), source: rules },
    { name: 'compute', ...splitCompute(shape, engine), source: `graph and allocator of ${rules}` },
    { name: 'output', ...both(onHost(outputBytes(shape, engine))), source: rules },
    { name: 'inputs', ...bothOnHost(inputBytes(shape, engine)), source: fitted },
    { name: 'process', ...both(splitProcess(shape, engine)), source: fitted },
  ]
  const reserved = sum(parts.map(part => part.reserved))
  const measured = isMeasured(shape, engine)
  return {
    engine,
    layers: shape.layers,
    parts,
    reserved,
    resident: sum(parts.map(part => part.resident)),
    margin: marginOf(reserved, measured),
    measured,
    disk: architecture.fileBytes,
  }
}

/** What a run on a machine of this project's has confirmed: the benches' families on the CPU. */
const isMeasured = (shape: Shape, engine: OllamaEngine): boolean =>
  engine.gpuLayers === 0 && isKnownGraph(shape, engine) && shape.vision === undefined

/** Share by which a measured, and an unmeasured, estimate may be too low. */
const MARGIN = { measured: 0.05, unmeasured: 0.1 }

/** Bytes set aside beside what is reckoned, on the host and on the GPU. */
function marginOf({ host, gpu }: Split, measured: boolean): Split {
  const share = measured ? MARGIN.measured : MARGIN.unmeasured
  return { host: Math.ceil(host * share), gpu: Math.ceil(gpu * share) }
}

const both = (split: Split): MemoryUse => ({ reserved: split, resident: split })
const onHost = (host: number): Split => ({ host, gpu: 0 })
const bothOnHost = ({ reserved, resident }: { reserved: number; resident: number }): MemoryUse => ({
  reserved: onHost(reserved),
  resident: onHost(resident),
})

const splitProcess = (shape: Shape, engine: OllamaEngine): Split => ({
  host: processBytes(shape, engine),
  gpu: offload(shape.layers, engine).layers > 0 ? CUDA_CONTEXT : 0,
})

function splitKv(shape: Shape, engine: OllamaEngine): Split {
  const perLayer = kvPerLayer(shape, engine)
  const onGpu = offload(shape.layers, engine).layers
  const gpu = total(perLayer.slice(shape.layers - onGpu))
  return { host: total(perLayer) - gpu, gpu }
}

function splitCompute(shape: Shape, engine: OllamaEngine): MemoryUse {
  const { reserved, touched } = computeBuffer(shape, engine)
  const { layers } = offload(shape.layers, engine)
  const inputs = engine.batch * shape.embedding * 4
  if (layers === 0) return { reserved: onHost(reserved), resident: onHost(touched) }
  // A layer left on the host needs the buffer there as well.
  const host = layers < shape.layers ? reserved : inputs
  return both({ host, gpu: reserved })
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0)

const sum = (splits: readonly Split[]): Split => ({
  host: total(splits.map(split => split.host)),
  gpu: total(splits.map(split => split.gpu)),
})
