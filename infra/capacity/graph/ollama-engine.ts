import type { Shape } from '../model/architecture.ts'
import { layerCells } from '../model/kv-cache.ts'
import type { OllamaEngine } from '../model/runtime.ts'
import { Graph } from './graph.ts'
import * as t from './tensor.ts'

/** One layer of a family: from the stream of hidden states to the next; the last one keeps output rows only. */
export type GraphLayer = (
  build: OllamaBuild,
  stream: t.Tensor,
  layer: number,
  outputs: t.Tensor | undefined,
) => t.Tensor

/**
 * What the models that run on Ollama's own engine share: inputs, projections, attention over the cache
 * (ml/nn/attention.go, kvcache/causal.go, ml/backend/ggml/ggml.go of 0.17.4). Biases are left out: they are
 * added in place.
 */
export class OllamaBuild {
  readonly graph = new Graph()
  readonly shape: Shape
  readonly batch: number
  readonly positions: t.Tensor
  readonly #engine: OllamaEngine
  /** Where inputs live: in buffers of their own on the host, copied into the graph's buffer for a GPU. */
  readonly #inputs: 'input' | 'external'
  readonly #masks = new Map<number, t.Tensor>()

  constructor(shape: Shape, engine: OllamaEngine, batch: number) {
    this.shape = shape
    this.batch = batch
    this.#engine = engine
    this.#inputs = engine.gpuLayers === 0 ? 'external' : 'input'
    this.positions = this.input('i32', batch)
  }

  input(type: t.ElementType, ...shape: number[]): t.Tensor {
    return t.input(this.#inputs, type, ...shape)
  }

  /** The embedded tokens; the host embeds them also where the layers are on a GPU. */
  tokens(): t.Tensor {
    const { embedding, vocabulary } = this.shape
    return this.#inputs === 'input'
      ? this.input('f32', embedding, this.batch)
      : t.getRows(t.weight(embedding, vocabulary), this.input('i32', this.batch))
  }

  linear(a: t.Tensor, width: number): t.Tensor {
    return t.mulMat(t.weight(a.ne[0], width), a)
  }

  heads(a: t.Tensor, length: number, count: number): t.Tensor {
    return t.reshape(a, length, count, this.batch)
  }

  /** Stores keys and values in the layer's cache and attends to all of its cells. */
  attend(query: t.Tensor, key: t.Tensor, value: t.Tensor, layer: number): t.Tensor {
    const cells = layerCells(this.shape, this.#engine, layer)
    const kvHeads = this.shape.kvHeads[layer]!
    this.graph.expand(query, key, value)
    const positions = this.input('i32', this.batch)
    const store = (rows: t.Tensor, length: number) => {
      const cached = t.cache(length * kvHeads, cells)
      const flat = t.reshape(rows, length * kvHeads, this.batch)
      this.graph.expand(t.setRows(cached, flat, positions))
      return t.permute(t.reshape(cached, length, kvHeads, cells), 0, 2, 1, 3)
    }
    const keys = store(key, this.shape.keyLength)
    const values = store(value, this.shape.valueLength)
    const queries = t.permute(query, 0, 2, 1, 3)
    const attention = t.flashAttention(queries, keys, values, this.#mask(cells, layer))
    return t.reshape(attention, attention.ne[0] * attention.ne[1], this.batch)
  }

  /** The full and the sliding cache have a mask each, made from 32-bit floats. */
  #mask(cells: number, layer: number): t.Tensor {
    const kind = this.shape.slidingWindow?.layers[layer] ? 1 : 0
    const mask = this.#masks.get(kind) ?? t.cast(this.input('f32', cells, this.batch), 'f16')
    this.#masks.set(kind, mask)
    return mask
  }
}

/** The graph of a model that answers: layers, the norm, and logits for one row per sequence. */
export function decoderGraph(
  shape: Shape,
  engine: OllamaEngine,
  {
    batch,
    outputs,
    layer,
    embed,
  }: { batch: number; outputs: number; layer: GraphLayer; embed?: typeof t.scale },
): Graph {
  const build = new OllamaBuild(shape, engine, batch)
  const rows = build.input('i32', Math.min(outputs, batch))
  const tokens = build.tokens()
  let stream = embed ? embed(tokens) : tokens
  for (let index = 0; index < shape.layers; index += 1) {
    stream = layer(build, stream, index, index === shape.layers - 1 ? rows : undefined)
  }
  build.graph.expand(build.linear(t.rmsNorm(stream), shape.vocabulary))
  return build.graph
}

/** Keeps the rows that logits are wanted for, in the last layer. */
export const pick = (a: t.Tensor, outputs: t.Tensor | undefined): t.Tensor =>
  outputs === undefined ? a : t.getRows(a, outputs)
