/**
 * Tensors as ggml lays them out, as far as their sizes and lifetimes go: names of operations, order of sources
 * and strides follow ml/backend/ggml/ggml/src/ggml.c of Ollama 0.17.4, since the allocator looks at all three.
 */
export interface Tensor {
  type: ElementType
  /** Elements in each dimension, fastest first, and the distance between them in bytes. */
  ne: Dims
  nb: Dims
  op: string
  sources: Tensor[]
  /** The tensor whose memory this one shows. */
  view?: Tensor
  /** `external`: has a buffer of its own, as weights and caches do. */
  origin: 'computed' | 'external' | 'input'
}

export type ElementType = 'f32' | 'f16' | 'i32' | 'i64'
export type Dims = readonly [number, number, number, number]

const ELEMENT_BYTES: Record<ElementType, number> = { f32: 4, f16: 2, i32: 4, i64: 8 }

/** Bytes a tensor spans. */
export const bytesOf = ({ type, ne, nb }: Tensor): number =>
  ELEMENT_BYTES[type] + ne.reduce((sum, count, axis) => sum + (count - 1) * nb[axis]!, 0)

export const sameLayout = (a: Tensor, b: Tensor): boolean =>
  a.type === b.type && a.ne.every((count, i) => count === b.ne[i] && a.nb[i] === b.nb[i])

const dims = (ne: readonly number[]): Dims => [ne[0] ?? 1, ne[1] ?? 1, ne[2] ?? 1, ne[3] ?? 1]

function strides(type: ElementType, ne: Dims): Dims {
  const first = ELEMENT_BYTES[type]
  return [first, first * ne[0], first * ne[0] * ne[1], first * ne[0] * ne[1] * ne[2]]
}

export function create(
  op: string,
  shape: readonly number[],
  sources: Tensor[] = [],
  type: ElementType = 'f32',
): Tensor {
  const ne = dims(shape)
  return { type, ne, nb: strides(type, ne), op, sources, origin: 'computed' }
}

const leaf = (origin: Tensor['origin'], shape: readonly number[], type: ElementType): Tensor => ({
  ...create('none', shape, [], type),
  origin,
})

export const weight = (...shape: number[]): Tensor => leaf('external', shape, 'f32')
export const cache = (...shape: number[]): Tensor => leaf('external', shape, 'f16')
/** What the host writes before each run, in the graph's buffer or in one of its own. */
export const input = (
  origin: 'input' | 'external',
  type: ElementType,
  ...shape: number[]
): Tensor => leaf(origin, shape, type)

function viewOf(op: string, a: Tensor, ne: Dims, nb: Dims, sources = [a]): Tensor {
  return { type: a.type, ne, nb, op, sources, view: a.view ?? a, origin: 'computed' }
}

export function reshape(a: Tensor, ...shape: number[]): Tensor {
  const ne = dims(shape)
  return viewOf('reshape', a, ne, strides(a.type, ne))
}

/** @param axes where each axis goes, as in ggml_permute */
export function permute(a: Tensor, ...axes: [number, number, number, number]): Tensor {
  const ne = [0, 0, 0, 0]
  const nb = [0, 0, 0, 0]
  for (const [from, to] of axes.entries()) {
    ne[to] = a.ne[from]!
    nb[to] = a.nb[from]!
  }
  return viewOf('permute', a, dims(ne), dims(nb))
}

/** Part of a tensor: the first `count` along an axis. */
export function slice(a: Tensor, axis: number, count: number): Tensor {
  const ne = a.ne.with(axis, count)
  return viewOf('view', a, dims(ne), a.nb)
}

export const view = (a: Tensor, shape: readonly number[], nb: Dims): Tensor =>
  viewOf('view', a, dims(shape), nb)

const like = (op: string, a: Tensor, ...others: Tensor[]): Tensor =>
  create(op, a.ne, [a, ...others], a.type)

export const contiguous = (a: Tensor, ...shape: number[]): Tensor =>
  create('cont', shape.length > 0 ? shape : a.ne, [a], a.type)
export const cast = (a: Tensor, type: ElementType): Tensor => create('cpy', a.ne, [a], type)
export const add = (a: Tensor, b: Tensor): Tensor => like('add', a, b)
export const mul = (a: Tensor, b: Tensor): Tensor => like('mul', a, b)
export const scale = (a: Tensor): Tensor => like('scale', a)
export const rope = (a: Tensor, positions: Tensor): Tensor => like('rope', a, positions)
export const geluInPlace = (a: Tensor): Tensor => viewOf('unary', a, a.ne, a.nb)
export const glu = (a: Tensor, b: Tensor): Tensor => like('glu', a, b)
export const softMax = (a: Tensor, ...others: Tensor[]): Tensor => like('soft_max', a, ...others)
export const l2Norm = (a: Tensor): Tensor => like('l2_norm', a)
export const mean = (a: Tensor): Tensor => create('mean', [1, ...a.ne.slice(1)], [a])
export const rmsNorm = (a: Tensor): Tensor => mul(like('rms_norm', a), weight(a.ne[0]))
export const layerNorm = (a: Tensor): Tensor =>
  add(mul(like('norm', a), weight(a.ne[0])), weight(a.ne[0]))

export const getRows = (a: Tensor, ids: Tensor): Tensor =>
  create('get_rows', [a.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]], [a, ids])

export const setRows = (a: Tensor, rows: Tensor, ids: Tensor): Tensor =>
  viewOf('set_rows', a, a.ne, a.nb, [rows, ids, a])

export const mulMat = (a: Tensor, b: Tensor): Tensor =>
  create('mul_mat', [a.ne[1], b.ne[1], b.ne[2], b.ne[3]], [a, b])

export const mulMatId = (a: Tensor, b: Tensor, ids: Tensor): Tensor =>
  create('mul_mat_id', [a.ne[1], ids.ne[0], b.ne[2]], [a, b, ids])

export function topK(a: Tensor, count: number): Tensor {
  const sorted = create('argsort', a.ne, [a], 'i32')
  return view(sorted, [count, ...sorted.ne.slice(1)], sorted.nb)
}

export const flashAttention = (q: Tensor, k: Tensor, v: Tensor, mask: Tensor): Tensor =>
  create('flash_attn_ext', [v.ne[0], q.ne[2], q.ne[1], q.ne[3]], [q, k, v, mask])

/** One behind the other, along the fastest dimension. */
export const concat = (a: Tensor, b: Tensor): Tensor =>
  create('concat', [a.ne[0] + b.ne[0], ...a.ne.slice(1)], [a, b])

export const unary = (a: Tensor): Tensor => like('unary', a)
