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
  experts: z.object({ count: Count, used: Count, feedForward: Count }).optional(),
  /** gpt-oss: queries, keys and values in one matrix, and so gate and up, as Ollama's first conversion had them. */
  fused: z.boolean().optional(),
  /** What reads images: the patches of one, and the widths of its layers. */
  vision: z.object({ patches: Count, embedding: Count, feedForward: Count }).optional(),
  /** An encoder reads a text at once: no KV cache, one text at a time. */
  encoder: z.boolean(),
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
  /** Bytes of the model's files on disk. */
  fileBytes: Size,
  /** Where the figures were read. */
  source: z.string().min(1),
  /** False when `weights` are an upper bound and not the sizes of the real tensors. */
  exact: z.boolean(),
})
export type Architecture = z.infer<typeof Architecture>

/**
 * Which layers slide, for families whose metadata has a window but no pattern. This repeats the engines' own
 * rules: model/models/gptoss/model.go and gemma3/model_text.go in Ollama, src/llama-model.cpp in llama.cpp.
 */
const SLIDING_RULES: Record<string, (layer: number) => boolean> = {
  gptoss: layer => layer % 2 === 0,
  'gpt-oss': layer => layer % 2 === 0,
  gemma3: layer => (layer + 1) % 6 !== 0,
}

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
