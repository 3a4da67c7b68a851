import {
  GGMLQuantizationType,
  type GGUFTypedMetadata,
  GGUFValueType,
  serializeGgufMetadata,
} from '@huggingface/gguf'

/** A value of a GGUF's metadata together with its type on disk. */
export interface Figure {
  type: GGUFValueType
  subType?: GGUFValueType
  value: string | number | boolean | string[] | number[]
}

export const text = (value: string): Figure => ({ type: GGUFValueType.STRING, value })
export const count = (value: number): Figure => ({ type: GGUFValueType.UINT32, value })
export const real = (value: number): Figure => ({ type: GGUFValueType.FLOAT32, value })
export const flag = (value: boolean): Figure => ({ type: GGUFValueType.BOOL, value })
export const texts = (value: string[]): Figure => list(GGUFValueType.STRING, value)
export const integers = (value: number[]): Figure => list(GGUFValueType.INT32, value)

const list = (subType: GGUFValueType, value: string[] | number[]): Figure => ({
  type: GGUFValueType.ARRAY,
  subType,
  value,
})

export interface Tensor {
  name: string
  /** The dimension whose elements lie side by side comes first, as GGUF has it. */
  shape: number[]
  values: Float32Array
}

/** A tensor of zeros, of whatever type: its size is all that matters of it. */
export interface Blank {
  name: string
  shape: number[]
  type: GGMLQuantizationType
  bytes: number
}

/** In `tokenizer.ggml.token_type`: a control token is markup, and never part of a text. */
export const TokenType = { normal: 1, control: 3 }

/** Figures whose keys share a beginning. */
export const under = (prefix: string, figures: Record<string, Figure>): Record<string, Figure> =>
  Object.fromEntries(Object.entries(figures).map(([key, figure]) => [`${prefix}.${key}`, figure]))

const VERSION = 3
/** Of the tensors' data; GGUF's default. */
const ALIGNMENT = 32

/**
 * A GGUF file: metadata, then for each tensor its name, shape, type and place, then their data, aligned.
 * The layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function writeGguf(
  metadata: Record<string, Figure>,
  tensors: readonly (Tensor | Blank)[],
): Buffer {
  const { head } = ggufHead(metadata, tensors)
  return Buffer.concat([head, ...tensors.map(tensor => pad(dataOf(tensor)))])
}

/** All of a GGUF file before its tensors' data, and the bytes that it has as a whole. */
export function ggufHead(
  metadata: Record<string, Figure>,
  tensors: readonly (Tensor | Blank)[],
): { head: Buffer; fileBytes: number } {
  let offset = 0
  const places = tensors.map(tensor => {
    const place = describe(tensor, offset)
    offset += padded('values' in tensor ? tensor.values.byteLength : tensor.bytes)
    return place
  })
  const head = pad(Buffer.concat([serialize(metadata, tensors.length), ...places]))
  return { head, fileBytes: head.length + offset }
}

const dataOf = (tensor: Tensor | Blank): Buffer =>
  'values' in tensor ? Buffer.from(tensor.values.buffer) : Buffer.alloc(tensor.bytes)

function serialize(metadata: Record<string, Figure>, tensors: number): Uint8Array {
  const figures = {
    version: { type: GGUFValueType.UINT32, value: VERSION },
    tensor_count: { type: GGUFValueType.UINT64, value: BigInt(tensors) },
    kv_count: { type: GGUFValueType.UINT64, value: BigInt(Object.keys(metadata).length) },
    ...metadata,
  }
  // Tensors follow at once; what comes after them is aligned.
  return serializeGgufMetadata(figures as unknown as GGUFTypedMetadata, { alignment: 1 })
}

function describe(tensor: Tensor | Blank, offset: number): Buffer {
  const { name, shape } = tensor
  const type = 'values' in tensor ? GGMLQuantizationType.F32 : tensor.type
  const label = Buffer.from(name)
  const fixed = Buffer.alloc(8 + label.length + 4 + 8 * shape.length + 4 + 8)
  let at = fixed.writeBigUInt64LE(BigInt(label.length))
  at += label.copy(fixed, at)
  at = fixed.writeUInt32LE(shape.length, at)
  for (const size of shape) at = fixed.writeBigUInt64LE(BigInt(size), at)
  at = fixed.writeUInt32LE(type, at)
  fixed.writeBigUInt64LE(BigInt(offset), at)
  return fixed
}

const padded = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT

const pad = (data: Buffer): Buffer =>
  Buffer.concat([data, Buffer.alloc(padded(data.length) - data.length)])
