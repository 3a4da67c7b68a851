import { Failure } from '../../failure.ts'
import { type Generation, generationOf } from '../../settings/ollama-version.ts'
import type { KvCacheType } from '../../settings/settings-schema.ts'
import type { Shape } from './architecture.ts'

export type { KvCacheType }

/** How a model is to be run. Lengths are in tokens. */
export interface Runtime {
  /** Version of Ollama, as in `0.17.4`. */
  ollama: string
  /** Tokens of one request; Ollama cuts what exceeds the trained length. */
  contextLength: number
  /** Requests that are answered at the same time. */
  parallel: number
  kvCache: KvCacheType
  /** Whether embeddings are asked of it: from 0.30 on, its batch is its context. */
  embedding?: boolean
  /** Layers on the GPU, counted from the last; `all` includes the output. 0 is CPU only. */
  gpuLayers: number | 'all'
}

/** The runtime as the engine will understand it. */
export interface OllamaEngine {
  generation: Generation
  /** Whether llama.cpp builds the graph, or the engine written in Go. */
  graph: 'llama.cpp' | 'ollama'
  contextLength: number
  parallel: number
  /** Tokens that are computed at once. */
  batch: number
  flashAttention: boolean
  kvCache: KvCacheType
  gpuLayers: number | 'all'
}

/** Batch of Ollama up to 0.24: api.DefaultOptions. */
const DEFAULT_BATCH = 512
const MAX_CONTEXT = 2 ** 24
const MAX_PARALLEL = 1024

const families = (names: string): ReadonlySet<string> => new Set(names.split(' '))

/** Families that 0.17.4 runs on its own engine: KV.OllamaEngineRequired in fs/ggml/ggml.go. */
const OLLAMA_ENGINE = families(
  'bert deepseek2 deepseekocr gemma3 gemma3n gptoss gpt-oss llama4 mistral3 mllama nemotron_h nemotron_h_moe nomic-bert olmo3 qwen25vl qwen3 qwen3moe qwen35 qwen35moe qwen3next qwen3vl qwen3vlmoe glm4moelite glmocr lfm2 lfm2moe',
)

/** Families whose flash attention 0.17.4 turns on by itself: KV.FlashAttention in fs/ggml/ggml.go. */
const FLASH_ATTENTION = families(
  'gemma3 glm4moelite glmocr gptoss gpt-oss lfm2 lfm2moe mistral3 nemotron_h nemotron_h_moe olmo3 qwen3 qwen3moe qwen35 qwen35moe qwen3next qwen3vl qwen3vlmoe',
)

/**
 * What the engine makes of the settings.
 * @throws Failure for a context, a parallelism or a version that cannot be
 */
export function engineOf(shape: Shape, runtime: Runtime): OllamaEngine {
  requireCount('context length', runtime.contextLength, MAX_CONTEXT)
  requireCount('parallel requests', runtime.parallel, MAX_PARALLEL)
  const generation = generationOf(runtime.ollama)
  const contextLength = Math.min(runtime.contextLength, shape.contextLength)
  const parallel = shape.encoder ? 1 : runtime.parallel
  const ownEngine = generation === 'allocating' && OLLAMA_ENGINE.has(shape.family)
  const quantized = runtime.kvCache !== 'f16'
  // A quantized cache needs flash attention, so the stack turns it on for all models then.
  const flashAttention =
    !shape.encoder && (quantized || !ownEngine || FLASH_ATTENTION.has(shape.family))
  return {
    generation,
    graph: ownEngine ? 'ollama' : 'llama.cpp',
    contextLength,
    parallel,
    batch: batchOf(shape, generation, { ...runtime, contextLength, parallel }),
    flashAttention,
    kvCache: flashAttention ? runtime.kvCache : 'f16',
    gpuLayers: runtime.gpuLayers,
  }
}

function batchOf(
  shape: Shape,
  generation: Generation,
  { contextLength, parallel, embedding = shape.encoder }: Runtime,
): number {
  if (generation === 'allocating') {
    return shape.encoder ? contextLength : Math.min(DEFAULT_BATCH, contextLength)
  }
  // By itself 2048 at most; where the context is longer, it is pinned in the derived model (infra/servers/model-args.ts).
  if (embedding) return contextLength
  // It also depends on free memory (facts of the 120b run); this is what is taken when there is plenty.
  const total = contextLength * parallel
  return Math.min(total <= 4096 ? 512 : total <= 32_768 ? 1024 : 2048, total)
}

function requireCount(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw new Failure(
    'misused',
    `${what} ${value} is out of range; allowed are whole numbers from 1 to ${max}`,
  )
}
