import { Failure } from '../../failure.ts'
import { Architecture, isEncoder, type Shape, slidingLayers, type Weights } from './architecture.ts'

/** A model's metadata by GGUF key. */
export type Metadata = Readonly<Record<string, unknown>>

/** A tensor of the file: its shape, fastest dimension first, its bytes there, and its type by ggml's number. */
export interface TensorInfo {
  name: string
  shape: readonly number[]
  bytes: number
  type: number
}

const BF16 = 30

/** Q4_0, Q2_K, Q4_K, IQ4_NL and MXFP4: ggml_repack_get_optimal_repack_type of llama.cpp, on x64. */
const REPACKED = new Set([2, 10, 12, 20, 39])

/** More layers than any model has; beyond it a figure is not a figure. */
const MAX_LAYERS = 1024

/**
 * The architecture that a model's own file describes.
 * @param tensors all of the file's
 * @param source where it was read, for the plan to say
 * @throws Failure for a file that is no text model, or whose figures make no sense
 */
export function architectureOfFile(
  metadata: Metadata,
  tensors: readonly TensorInfo[],
  fileBytes: number,
  source: string,
): Architecture {
  const shape = shapeOf(metadata, tensors, source)
  const weights: Weights = { repeating: 0, tokenEmbedding: 0, output: 0, input: 0, rest: 0 }
  for (const tensor of tensors) weights[placeOf(tensor.name)] += loadedBytes(tensor)
  const tokens = tensors.find(({ name }) => name === 'token_embd.weight')
  const repacked = tokens !== undefined && REPACKED.has(tokens.type) ? true : undefined
  const checked = Architecture.safeParse({
    ...{ shape, weights, repacked },
    ...{ fileBytes, source, exact: true },
  })
  if (checked.success) return checked.data
  const { path, message } = checked.error.issues[0]!
  throw unusable(source, `${path.join('.')}: ${message}`)
}

function shapeOf(metadata: Metadata, tensors: readonly TensorInfo[], source: string): Shape {
  const family = metadata['general.architecture']
  if (typeof family !== 'string') throw unusable(source, 'it names no architecture')
  const value = (key: string) => metadata[`${family}.${key}`]
  const required = (key: string, max = Number.MAX_SAFE_INTEGER) => {
    const found = numberOf(value(key))
    if (found !== undefined && found >= 1 && found <= max) return found
    throw unusable(source, `${family}.${key} is ${value(key) ?? 'missing'}; allowed is 1 to ${max}`)
  }
  const layers = required('block_count', MAX_LAYERS)
  const embedding = required('embedding_length')
  const heads = Math.max(...perLayer(value('attention.head_count'), layers, 1))
  const feedForward = Math.max(...perLayer(value('feed_forward_length'), layers, 0))
  const expertWidth = numberOf(value('expert_feed_forward_length')) || feedForward
  const names = new Map(tensors.map(tensor => [tensor.name, tensor]))
  const experts = numberOf(value('expert_count')) ?? 0
  return {
    family,
    layers,
    embedding,
    feedForward: feedForward || expertWidth,
    heads,
    kvHeads: perLayer(value('attention.head_count_kv'), layers, heads),
    keyLength: numberOf(value('attention.key_length')) ?? Math.floor(embedding / heads),
    valueLength: numberOf(value('attention.value_length')) ?? Math.floor(embedding / heads),
    vocabulary: names.get('token_embd.weight')?.shape[1] ?? 0,
    merges: lengthOf(metadata['tokenizer.ggml.merges']),
    contextLength: required('context_length'),
    slidingWindow: slidingLayers(
      family,
      layers,
      numberOf(value('attention.sliding_window')),
      value('attention.sliding_window_pattern'),
    ),
    experts:
      experts > 0
        ? {
            count: experts,
            used: required('expert_used_count'),
            feedForward: expertWidth,
            shared: numberOf(value('expert_shared_count')) || undefined,
            dense: numberOf(value('leading_dense_block_count')) || undefined,
          }
        : undefined,
    latent: latentOf(key => numberOf(value(key))),
    fused: experts > 0 && names.has('blk.0.attn_qkv.weight') ? true : undefined,
    vision: visionOf(key => numberOf(value(`vision.${key}`))),
    ...formOf(metadata),
    tokenizer: tokenizerOf(metadata),
  }
}

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0)

/** Whether a model reads a text at once, and how it makes one vector of it. */
export function formOf(metadata: Metadata): Pick<Shape, 'encoder' | 'pooling'> {
  const family = String(metadata['general.architecture'])
  const pooling = numberOf(metadata[`${family}.pooling_type`])
  return { encoder: isEncoder(family, pooling), pooling }
}

function tokenizerOf(metadata: Metadata): Shape['tokenizer'] {
  const [model, pre] = [metadata['tokenizer.ggml.model'], metadata['tokenizer.ggml.pre']]
  if (typeof model !== 'string') return undefined
  return { model, ...(typeof pre === 'string' && { pre }) }
}

/** Keys and values that are compressed, where the file says how a head of them is made up. */
function latentOf(number: (key: string) => number | undefined): Shape['latent'] {
  const keyValue = number('attention.kv_lora_rank')
  const [length, value] = [number('attention.key_length_mla'), number('attention.value_length_mla')]
  const rope = number('rope.dimension_count')
  if (!keyValue || !length || !value || !rope) return undefined
  const query = number('attention.q_lora_rank') || undefined
  return { query, keyValue, rope, nope: length - rope, value }
}

/** A model has eyes when its metadata says how large an image they see, in pixels, and a patch of it. */
function visionOf(number: (key: string) => number | undefined): Shape['vision'] {
  const [image, patch] = [number('image_size'), number('patch_size')]
  const [embedding, feedForward] = [number('embedding_length'), number('feed_forward_length')]
  if (!image || !patch || !embedding || !feedForward) return undefined
  return { patches: Math.floor(image / patch) ** 2, embedding, feedForward }
}

/** One number for all layers, or one each; where one is missing the engines take the first. */
function perLayer(value: unknown, layers: number, fallback: number): [number, ...number[]] {
  const list = Array.isArray(value) ? value.map(numberOf) : []
  const single = numberOf(value) ?? list[0] ?? fallback
  return Array.from({ length: layers }, (_, layer) => list[layer] ?? single) as [
    number,
    ...number[],
  ]
}

/** Where Ollama puts a tensor by its name: New in ml/backend/ggml/ggml.go of 0.17.4. */
function placeOf(name: string): keyof Weights {
  if (name === 'token_embd.weight') return 'tokenEmbedding'
  if (name === 'output.weight') return 'output'
  if (/^blk\.\d|^rope_f/.test(name)) return 'repeating'
  return /^(output|cls|v\.|mm\.|s\.)/.test(name) ? 'rest' : 'input'
}

/** Biases of experts are widened from bf16 to f32 when they are loaded. */
const loadedBytes = ({ name, bytes, type }: TensorInfo): number =>
  type === BF16 && name.endsWith('_exps.bias') ? 2 * bytes : bytes

const unusable = (source: string, why: string): Failure =>
  new Failure('misused', `The model in ${source} cannot be planned: ${why}`, {
    mend: 'name a GGUF file of a text model',
  })
