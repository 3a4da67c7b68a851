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
  /** Whether embeddings are asked of it. */
  embedding?: boolean
  /** A GPU without flash attention, of compute capability below 7 or of 7.2. */
  oldCard?: boolean
  /** Whether a row of output is wanted of every token, and not only of each request, as to compare them. */
  allRows?: boolean
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
  /** Whether every token has a row of output, as of an embedding model, and not only each request. */
  allRows: boolean
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

/** Of these, those that it runs there with pooling; others go to llama.cpp then: model.Register in model/models. */
const OLLAMA_ENGINE_POOLED = families('bert gemma3 nomic-bert qwen3')

/** Tokenizers that its own engine knows of a family, where it knows but some: New in model/models/*. */
const OLLAMA_TOKENIZERS: Record<string, (of: NonNullable<Shape['tokenizer']>) => boolean> = {
  bert: ({ model }) => model === 'bert',
  lfm2: ({ model }) => model === 'gpt2',
  lfm2moe: ({ model }) => model === 'gpt2',
  glm4moelite: ({ pre }) => pre === 'glm4',
  deepseek2: ({ pre }) => pre === 'deepseek-v3',
}

/** Families whose flash attention 0.17.4 turns on by itself: KV.FlashAttention in fs/ggml/ggml.go. */
const FLASH_ATTENTION = families(
  'gemma3 glm4moelite glmocr gptoss gpt-oss lfm2 lfm2moe mistral3 nemotron_h nemotron_h_moe olmo3 qwen3 qwen3moe qwen35 qwen35moe qwen3next qwen3vl qwen3vlmoe',
)

/** Families that answer one request at a time, whatever is set: Scheduler.load in server/sched.go, 0.17.4 and 0.32.15. */
const ONE_REQUEST = families(
  'mllama qwen3vl qwen3vlmoe qwen35 qwen35moe qwen3next lfm2 lfm2moe nemotron_h nemotron_h_moe nemotron_h_omni',
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
  const embeds = isPooled(shape)
  const isSingle = embeds || ONE_REQUEST.has(shape.family)
  const parallel = isSingle ? 1 : runtime.parallel
  const graph = generation === 'allocating' && isOfOllama(shape) ? 'ollama' : 'llama.cpp'
  const flashAttention = usesFlashAttention(shape, generation, graph, runtime)
  return {
    generation,
    graph,
    contextLength,
    parallel,
    batch: batchOf(shape, { generation, graph }, { ...runtime, contextLength, parallel }),
    allRows: runtime.allRows ?? embeds,
    flashAttention,
    kvCache: flashAttention ? runtime.kvCache : 'f16',
    gpuLayers: runtime.gpuLayers,
  }
}

const isPooled = ({ encoder, pooling }: Shape): boolean => encoder || pooling !== undefined

/** Which of its two engines 0.17.4 runs a model on: NewLlamaServer in llm/server.go, modelForArch in model/model.go. */
function isOfOllama({ family, pooling, tokenizer }: Shape): boolean {
  const known = pooling ? OLLAMA_ENGINE_POOLED : OLLAMA_ENGINE
  const reads = OLLAMA_TOKENIZERS[family]
  // What older versions recorded says nothing of it.
  const isReadable = reads === undefined || tokenizer === undefined || reads(tokenizer)
  return OLLAMA_ENGINE.has(family) && known.has(family) && isReadable
}

/**
 * A quantized cache needs it, so the stack asks for it then, and Ollama up to 0.24 takes an f16 cache where a card or a
 * model has none: NewLlamaServer in llm/server.go, GGML.SupportsFlashAttention. llama.cpp's own choice is to have it.
 */
function usesFlashAttention(
  shape: Shape,
  generation: Generation,
  graph: OllamaEngine['graph'],
  { kvCache, oldCard = false }: Runtime,
): boolean {
  const isAsked = kvCache !== 'f16'
  if (generation === 'spawning') return isAsked || !oldCard
  const isAble =
    !oldCard &&
    !isPooled(shape) &&
    shape.family !== 'gemma2' &&
    shape.keyLength === shape.valueLength
  if (isAsked || graph === 'ollama') return isAble && (isAsked || FLASH_ATTENTION.has(shape.family))
  return true
}

function batchOf(
  shape: Shape,
  { generation, graph }: Pick<OllamaEngine, 'generation' | 'graph'>,
  { contextLength, parallel, embedding = isPooled(shape) }: Runtime,
): number {
  if (generation === 'allocating') {
    const isWhole = shape.encoder || (graph === 'llama.cpp' && isPooled(shape))
    return isWhole ? contextLength : Math.min(DEFAULT_BATCH, contextLength)
  }
  if (embedding)
    return takesTextsInParts(shape) ? Math.min(EMBEDDING_BATCH, contextLength) : contextLength
  // It also depends on free memory (facts of the 120b run); this is what is taken when there is plenty.
  const total = contextLength * parallel
  return Math.min(total <= 4096 ? 512 : total <= 32_768 ? 1024 : 2048, total)
}

/**
 * Of a text's tokens one after the other only the last counts, so that it need not be in one batch: can_split in
 * llama.cpp's tools/server/server-context.cpp.
 */
export const takesTextsInParts = ({
  encoder,
  pooling,
}: Pick<Shape, 'encoder' | 'pooling'>): boolean => !encoder && pooling === LAST_POOLING

const LAST_POOLING = 3

/** DefaultEmbeddingNumBatch in llm/llama_server.go of Ollama 0.32. */
export const EMBEDDING_BATCH = 2048

function requireCount(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw new Failure(
    'misused',
    `${what} ${value} is out of range; allowed are whole numbers from 1 to ${max}`,
  )
}
