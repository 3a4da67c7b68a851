import type { Shape } from '../model/architecture.ts'
import { fullCells, padTo, slidingCells } from '../model/kv-cache.ts'
import type { OllamaEngine } from '../model/runtime.ts'
import { Graph } from './graph.ts'
import { pick } from './ollama-engine.ts'
import * as t from './tensor.ts'

/** What a family does in another way than llama, as far as it takes memory. */
interface Traits {
  /** Queries and keys are normalised head by head. */
  normsHeads?: boolean
  /** What a part of a layer gives is normalised before it is added. */
  normsAfter?: boolean
  /** Queries, keys and values come out of one matrix. */
  fusedQueries?: boolean
  /** Gate and up come out of one matrix. */
  fusedGate?: boolean
  /** Output rows are picked behind the last layer, not in it. */
  picksLast?: boolean
  /** Experts are weighed by a softmax over those that were chosen. */
  weighsChosen?: boolean
  /** Weights of experts are brought to a sum of one. */
  normsWeights?: boolean
  /** Logits are capped, in three steps. */
  capsLogits?: boolean
}

/** Of src/models/*.cpp of llama.cpp, as it is in llama-cpp-python 0.3.36; what is not here is taken to be built like llama. */
const TRAITS: Record<string, Traits> = {
  llama: { normsWeights: true },
  qwen2: {},
  qwen3: { normsHeads: true },
  qwen3moe: { normsHeads: true, normsWeights: true },
  gemma2: { normsAfter: true, capsLogits: true },
  gemma3: { normsHeads: true, normsAfter: true },
  'gemma-embedding': { normsHeads: true, normsAfter: true },
  phi3: { fusedQueries: true, fusedGate: true },
  'gpt-oss': { picksLast: true, weighsChosen: true },
  gptoss: { picksLast: true, weighsChosen: true },
  deepseek2: {},
  bert: {},
  'nomic-bert': { fusedQueries: true },
}

/** Whether it was held against llama.cpp's own dry run: `npm run bench -- dry-run`. */
export const isFamilyOfLlamaServer = ({ family }: Shape): boolean => family in TRAITS

/**
 * The graph that llama.cpp's server builds for a batch: src/llama-graph.cpp and src/models/*.cpp, of what Ollama starts
 * from 0.30 on. Biases and scales are left out, since they are added in place.
 * @param outputs rows that are wanted
 */
export function llamaServerGraph(shape: Shape, engine: OllamaEngine, outputs: number): Graph {
  const traits = TRAITS[shape.family] ?? {}
  const build = new Build(shape, engine, traits)
  const { graph, batch } = build
  const rows = t.input('input', 'i32', Math.min(outputs, batch))
  const bert = shape.family.endsWith('bert')
  let stream = build.tokens()
  if (bert) stream = t.layerNorm(t.add(stream, t.weight(shape.embedding)))
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const last = layer === shape.layers - 1 && !traits.picksLast ? rows : undefined
    stream = bert ? encoderLayer(build, stream, last) : decoderLayer(build, stream, layer, last)
  }
  if (traits.picksLast) stream = t.getRows(stream, rows)
  if (bert) {
    graph.expand(stream)
    return graph
  }
  stream = t.rmsNorm(stream)
  graph.expand(shape.encoder ? stream : capped(build.linear(stream, shape.vocabulary), traits))
  return graph
}

const capped = (logits: t.Tensor, { capsLogits }: Traits): t.Tensor =>
  capsLogits ? t.scale(t.unary(t.scale(logits))) : logits

interface Cache {
  cells: number
  keyCells: t.Tensor
  valueCells: t.Tensor
  mask: t.Tensor
}

class Build {
  readonly graph = new Graph()
  readonly shape: Shape
  readonly traits: Traits
  readonly batch: number
  readonly positions: t.Tensor
  readonly #engine: OllamaEngine
  readonly #streams: number
  readonly #caches = new Map<boolean, Cache>()

  constructor(shape: Shape, engine: OllamaEngine, traits: Traits) {
    this.shape = shape
    this.traits = traits
    this.#engine = engine
    this.#streams = shape.encoder ? 1 : engine.parallel
    this.batch = padTo(engine.batch, this.#streams)
    this.positions = t.input('input', 'i32', this.batch)
  }

  /** Either tokens or vectors are given; both have their place. */
  tokens(): t.Tensor {
    const { embedding, vocabulary } = this.shape
    const ids = t.input('input', 'i32', this.batch)
    const vectors = t.input('input', 'f32', embedding, this.batch)
    const tokens = t.getRows(t.weight(embedding, vocabulary), ids)
    this.graph.expand(tokens, vectors)
    return tokens
  }

  linear(a: t.Tensor, width: number): t.Tensor {
    return t.mulMat(t.weight(a.ne[0], width), a)
  }

  heads(a: t.Tensor, length: number, count: number): t.Tensor {
    return t.reshape(a, length, count, this.batch)
  }

  /** Keys and values of a quantized cache are turned by a matrix first, so that no element stands out. */
  turned(a: t.Tensor): t.Tensor {
    const length = a.ne[0]
    const { encoder, latent } = this.shape
    const side = 64
    if (encoder || latent || this.#engine.kvCache === 'f16' || length % side !== 0) return a
    const elements = a.ne.reduce((product, count) => product * count, 1)
    const flat = t.reshape(a, side, elements / side)
    return t.reshape(t.mulMat(t.weight(side, side), flat), ...a.ne.slice(0, 3))
  }

  /** Stores keys and values, and attends to all cells of the cache, or of the batch where there is none. */
  attend(
    layer: number,
    query: t.Tensor,
    key: t.Tensor,
    value: t.Tensor,
    unpack?: (attention: t.Tensor) => t.Tensor,
  ): t.Tensor {
    const queries = this.turned(query)
    const rows = this.turned(value)
    const keysOfBatch = this.turned(key)
    this.graph.expand(queries, rows, keysOfBatch)
    const { mask, keyCells, valueCells, cells } = this.#cache(layer)
    const streams = this.#streams
    const store = (a: t.Tensor, ids: t.Tensor) => {
      const [length, count] = [a.ne[0], a.ne[1]]
      const cached = t.cache(length * count, cells * streams)
      this.graph.expand(t.setRows(cached, t.reshape(a, length * count, this.batch), ids))
      return t.permute(t.reshape(cached, length, count, cells, streams), 0, 2, 1, 3)
    }
    const ofBatch = (a: t.Tensor) => t.cast(t.permute(a, 0, 2, 1, 3), 'f16')
    const perStream = t.reshape(queries, query.ne[0], query.ne[1], this.batch / streams, streams)
    const turned = t.permute(perStream, 0, 2, 1, 3)
    // A latent cache has keys only, and values are a part of them.
    const keys = this.shape.encoder ? ofBatch(keysOfBatch) : store(keysOfBatch, keyCells)
    const values = this.shape.encoder
      ? ofBatch(rows)
      : unpack
        ? t.slice(keys, 0, value.ne[0])
        : store(rows, valueCells)
    const attend = this.#engine.flashAttention ? t.flashAttention : softAttention
    const attention = attend(turned, keys, values, mask)
    const whole = unpack ? unpack(attention) : attention
    const flat = t.reshape(whole, whole.ne[0] * whole.ne[1], this.batch)
    this.graph.expand(flat)
    return this.turned(flat)
  }

  /** A full and a sliding cache have a mask each. */
  #cache(layer: number) {
    const slides = this.shape.slidingWindow?.layers[layer] ?? false
    const known = this.#caches.get(slides)
    if (known !== undefined) return known
    const all = slides ? slidingCells(this.shape, this.#engine) : fullCells(this.#engine)
    const cells = this.shape.encoder ? this.batch : all / this.#streams
    const { flashAttention, generation } = this.#engine
    const masks = [cells, this.batch / this.#streams, 1, this.#streams]
    // Of a batch's floats up to 0.24 flash attention has a copy in half precision.
    const mask =
      flashAttention && generation === 'allocating'
        ? t.cast(t.input('input', 'f32', ...masks), 'f16')
        : t.input('input', flashAttention ? 'f16' : 'f32', ...masks)
    const made = {
      cells,
      keyCells: t.input('input', 'i64', this.batch),
      valueCells: t.input('input', 'i64', this.batch),
      mask,
    }
    this.#caches.set(slides, made)
    return made
  }
}

/** With all scores in memory. */
function softAttention(
  queries: t.Tensor,
  keys: t.Tensor,
  values: t.Tensor,
  mask: t.Tensor,
): t.Tensor {
  const scores = t.softMax(t.mulMat(keys, queries), mask)
  const mixed = t.mulMat(t.permute(values, 1, 0, 2, 3), scores)
  return t.contiguous(t.permute(mixed, 0, 2, 1, 3))
}

function decoderLayer(
  build: Build,
  stream: t.Tensor,
  layer: number,
  rows: t.Tensor | undefined,
): t.Tensor {
  const { shape, traits } = build
  const after = (a: t.Tensor) => (traits.normsAfter ? t.rmsNorm(a) : a)
  const normed = t.rmsNorm(stream)
  const mixed = shape.latent
    ? latentAttention(build, normed, layer, shape.latent)
    : attention(build, normed, layer)
  const attended = t.add(
    after(pick(build.linear(mixed, shape.embedding), rows)),
    pick(stream, rows),
  )
  const wide = t.rmsNorm(attended)
  const { experts } = shape
  const made =
    experts === undefined || layer < (experts.dense ?? 0)
      ? feedForward(build, wide, shape.feedForward)
      : mixture(build, wide, experts)
  return traits.fusedGate ? t.add(attended, made) : t.add(after(made), attended)
}

function attention(build: Build, normed: t.Tensor, layer: number): t.Tensor {
  const { shape, traits } = build
  const { heads, keyLength, valueLength } = shape
  const kvHeads = shape.kvHeads[layer]!
  const norm = (a: t.Tensor) => (traits.normsHeads ? t.rmsNorm(a) : a)
  const { query, key, value } = projections(build, normed, kvHeads)
  return build.attend(
    layer,
    t.rope(norm(build.heads(query, keyLength, heads)), build.positions),
    t.rope(norm(build.heads(key, keyLength, kvHeads)), build.positions),
    build.heads(value, valueLength, kvHeads),
  )
}

function projections(build: Build, normed: t.Tensor, kvHeads: number) {
  const { heads, keyLength, valueLength } = build.shape
  const widths = [heads * keyLength, kvHeads * keyLength, kvHeads * valueLength] as const
  if (!build.traits.fusedQueries) {
    const [query, key, value] = widths.map(width => build.linear(normed, width))
    return { query: query!, key: key!, value: value! }
  }
  const all = build.linear(
    normed,
    widths.reduce((sum, width) => sum + width, 0),
  )
  const [query, key, value] = widths.map(width => t.slice(all, 0, width))
  return { query: query!, key: key!, value: value! }
}

function latentAttention(
  build: Build,
  normed: t.Tensor,
  layer: number,
  { query: queryRank, keyValue, rope, nope, value }: NonNullable<Shape['latent']>,
): t.Tensor {
  const { heads } = build.shape
  const length = nope + rope
  const low = queryRank === undefined ? normed : t.rmsNorm(build.linear(normed, queryRank))
  const query = build.heads(build.linear(low, heads * length), length, heads)
  const both = build.linear(normed, keyValue + rope)
  const keyRope = t.rope(t.reshape(t.slice(both, 0, rope), rope, 1, build.batch), build.positions)
  const compressed = t.rmsNorm(t.slice(both, 0, keyValue))
  const queryRope = t.rope(t.slice(query, 0, rope), build.positions)
  const absorbed = t.mulMat(
    t.weight(nope, keyValue, heads),
    t.permute(t.slice(query, 0, nope), 0, 2, 1, 3),
  )
  const queries = t.concat(t.permute(absorbed, 0, 2, 1, 3), queryRope)
  const latent = t.reshape(compressed, keyValue, 1, build.batch)
  return build.attend(layer, queries, t.concat(latent, keyRope), latent, attention => {
    const each = t.mulMat(t.weight(keyValue, value, heads), t.permute(attention, 0, 2, 1, 3))
    return t.contiguous(t.permute(each, 0, 2, 1, 3))
  })
}

function feedForward(build: Build, wide: t.Tensor, width: number): t.Tensor {
  const { embedding } = build.shape
  if (build.traits.fusedGate) {
    const both = build.linear(wide, 2 * width)
    return build.linear(t.create('glu', [width, wide.ne[1]], [both]), embedding)
  }
  const up = build.linear(wide, width)
  const gate = build.linear(wide, width)
  return build.linear(t.glu(gate, up), embedding)
}

function mixture(
  build: Build,
  wide: t.Tensor,
  { count, used, feedForward: width, shared = 0 }: NonNullable<Shape['experts']>,
): t.Tensor {
  const { graph, traits } = build
  const embedding = build.shape.embedding
  const tokens = wide.ne[1]
  const logits = build.linear(wide, count)
  const likely = traits.weighsChosen ? logits : t.softMax(logits)
  const chosen = t.topK(likely, used)
  let weights = t.getRows(t.reshape(likely, 1, count, tokens), chosen)
  if (traits.weighsChosen) {
    weights = t.reshape(t.softMax(t.reshape(weights, used, tokens)), 1, used, tokens)
  }
  if (traits.normsWeights) {
    const flat = t.reshape(weights, used, tokens)
    const sum = t.create('sum_rows', [1, tokens], [flat])
    weights = t.reshape(t.create('div', flat.ne, [flat, sum]), 1, used, tokens)
  }
  graph.expand(weights)
  const each = t.reshape(wide, embedding, 1, tokens)
  const expert = (from: t.Tensor, input: number, output: number) =>
    t.mulMatId(t.weight(input, output, count), from, chosen)
  const up = expert(each, embedding, width)
  const gate = expert(each, embedding, width)
  const weighed = t.mul(expert(t.glu(gate, up), width, embedding), weights)
  graph.expand(weighed)
  const parts = Array.from({ length: used }, () =>
    t.view(
      weighed,
      [embedding, tokens],
      [4, weighed.nb[2], weighed.nb[2] * tokens, weighed.nb[2] * tokens],
    ),
  )
  graph.expand(...parts)
  const sum = parts.slice(1).reduce((total, part) => {
    const added = t.create('add', [embedding, tokens], [total, part])
    graph.expand(added)
    return added
  }, parts[0]!)
  return shared === 0 ? sum : t.add(sum, feedForward(build, wide, width * shared))
}

function encoderLayer(build: Build, stream: t.Tensor, rows: t.Tensor | undefined): t.Tensor {
  const { shape } = build
  const { heads, keyLength, embedding } = shape
  const hasPositions = shape.family === 'bert'
  const { query, key, value } = projections(build, stream, heads)
  const turn = (a: t.Tensor) => {
    const each = build.heads(a, keyLength, heads)
    return hasPositions ? each : t.rope(each, build.positions)
  }
  const mixed = build.attend(0, turn(query), turn(key), build.heads(value, keyLength, heads))
  const attended = t.layerNorm(
    t.add(pick(build.linear(mixed, embedding), rows), pick(stream, rows)),
  )
  const made = hasPositions
    ? build.linear(t.unary(build.linear(attended, shape.feedForward)), embedding)
    : feedForward(build, attended, shape.feedForward)
  return t.layerNorm(t.add(made, attended))
}
