import { z } from 'zod'

const Count = z.int().positive()
const Size = z.int().nonnegative()

/** The shape of a model: what its metadata says about layers, heads and vocabulary. Lengths are in elements. */
export const Shape = z.object({
  /** `general.architecture`: `llama`, `gptoss`, `nomic-bert`, … */
  family: z.string().min(1),
  layers: Count,
  embedding: Count,
  feedForward: Count,
  heads: Count,
  /** One number per layer; a layer with 0 keeps no keys and values. */
  kvHeads: z.array(Size).nonempty(),
  keyLength: Count,
  valueLength: Count,
  vocabulary: Count,
  /** Rules by which the tokenizer joins pieces. */
  merges: Size,
  /** Tokens the model was trained for. */
  contextLength: Count,
  /** Layers marked true look back `tokens` only. */
  slidingWindow: z.object({ tokens: Count, layers: z.array(z.boolean()).nonempty() }).optional(),
  /** `shared` experts read every token; the first `dense` layers have none. */
  experts: z
    .object({
      count: Count,
      used: Count,
      feedForward: Count,
      shared: Count.optional(),
      dense: Count.optional(),
    })
    .optional(),
  /**
   * Multi-head latent attention, as in deepseek2: keys and values are compressed to `keyValue`, and queries to `query` where
   * they are; a head has `rope` elements that are turned and `nope` that are not, and gives `value`.
   */
  latent: z
    .object({
      query: Count.optional(),
      keyValue: Count,
      rope: Count,
      nope: Count,
      value: Count,
    })
    .optional(),
  /** gpt-oss: queries, keys and values in one matrix, and so gate and up, as Ollama's first conversion had them. */
  fused: z.boolean().optional(),
  /** What reads images: the patches of one, and the widths of its layers. */
  vision: z.object({ patches: Count, embedding: Count, feedForward: Count }).optional(),
  /** An encoder reads a text at once: no KV cache, one text at a time. */
  encoder: z.boolean(),
  /** How its tokens become one vector, by llama.cpp's number; absent for a model that only answers. */
  pooling: z.int().nonnegative().optional(),
  /** Names of its tokenizer: `tokenizer.ggml.model` and `.pre`. */
  tokenizer: z.object({ model: z.string(), pre: z.string().optional() }).optional(),
})
export type Shape = z.infer<typeof Shape>

/** Bytes of weights by where they can live: only `tokenEmbedding` and `input` always stay in host memory. */
export const Weights = z.object({
  /** Everything in the layers. */
  repeating: Size,
  tokenEmbedding: Size,
  /** The output matrix; 0 when it is tied to the token embedding. */
  output: Size,
  /** Other tensors of the input side: position and type embeddings and their norm. */
  input: Size,
  /** Norms of the output, classifiers, projectors. */
  rest: Size,
})
export type Weights = z.infer<typeof Weights>

export const Architecture = z.object({
  shape: Shape,
  weights: Weights,
  /** The token embedding is of a type that llama.cpp packs anew for CPUs: an output tied to it is a copy then. */
  repacked: z.literal(true).optional(),
  /** Bytes of the model's files on disk. */
  fileBytes: Size,
  /** Where the figures were read. */
  source: z.string().min(1),
  /** False when `weights` are an upper bound and not the sizes of the real tensors. */
  exact: z.boolean(),
})
export type Architecture = z.infer<typeof Architecture>

/** False for what older versions recorded of a decoder that embeds: they took it for an encoder, without a cache. */
export const isSound = ({ shape }: Architecture): boolean =>
  !shape.encoder || isEncoder(shape.family, shape.pooling ?? 0)

/**
 * Which layers slide, for families whose metadata has a window but no pattern. This repeats the engines' own
 * rules: model/models/gptoss/model.go and gemma3/model_text.go in Ollama, src/llama-model.cpp in llama.cpp.
 */
const SLIDING_RULES: Record<string, (layer: number) => boolean> = {
  gptoss: layer => layer % 2 === 0,
  'gpt-oss': layer => layer % 2 === 0,
  gemma2: layer => layer % 2 === 0,
  gemma3: layer => (layer + 1) % 6 !== 0,
  'gemma-embedding': layer => (layer + 1) % 6 !== 0,
}

/** Families without a cache: llama_model::create_memory in llama.cpp's src/llama-model.cpp. */
const ENCODERS = new Set([
  'bert',
  'nomic-bert',
  'nomic-bert-moe',
  'jina-bert-v2',
  'jina-bert-v3',
  'modern-bert',
  'neo-bert',
  'eurobert',
  'gemma-embedding',
])

/** Ollama's files of embeddinggemma are of the family gemma3, and read in both directions where they are pooled. */
export const isEncoder = (family: string, pooling: number | undefined): boolean =>
  ENCODERS.has(family) || (family === 'gemma3' && pooling !== undefined)

/**
 * The sliding layers of a model, or undefined where every layer sees the whole context.
 * @param pattern from the metadata: a flag per layer, or the distance from one full layer to the next
 */
export function slidingLayers(
  family: string,
  layers: number,
  window: number | undefined,
  pattern?: unknown,
): Shape['slidingWindow'] {
  if (!window) return undefined
  const rule =
    SLIDING_RULES[family] ??
    (typeof pattern === 'number'
      ? (layer: number) => (layer + 1) % pattern !== 0
      : (layer: number) => Array.isArray(pattern) && pattern[layer] === true)
  const sliding = Array.from({ length: layers }, (_, layer) => rule(layer))
  return sliding.some(Boolean)
    ? { tokens: window, layers: sliding as [boolean, ...boolean[]] }
    : undefined
}
