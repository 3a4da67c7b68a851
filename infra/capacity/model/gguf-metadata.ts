import { Failure } from '../../failure.ts'
import { Architecture, type Shape, slidingLayers, type Weights } from './architecture.ts'

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
  const checked = Architecture.safeParse({ shape, weights, fileBytes, source, exact: true })
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
        ? { count: experts, used: required('expert_used_count'), feedForward: expertWidth }
        : undefined,
    fused: experts > 0 && names.has('blk.0.attn_qkv.weight') ? true : undefined,
    vision: visionOf(key => numberOf(value(`vision.${key}`))),
    encoder: value('pooling_type') !== undefined,
  }
}

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0)

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
