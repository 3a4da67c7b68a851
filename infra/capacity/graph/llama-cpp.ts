import type { Shape } from '../model/architecture.ts'
import { padTo } from '../model/kv-cache.ts'
import type { OllamaEngine } from '../model/runtime.ts'
import { Graph } from './graph.ts'
import * as t from './tensor.ts'

/**
 * The graph that llama.cpp, as vendored by Ollama 0.17.4, builds for a dense model of the llama family:
 * src/models/llama.cpp with flash attention, which it turns on by itself.
 * @param tokens computed at once
 * @param outputs rows of logits
 */
export function llamaCppGraph(
  shape: Shape,
  engine: OllamaEngine,
  tokens: number,
  outputs: number,
): Graph {
  const graph = new Graph()
  const streams = engine.parallel
  const batch = padTo(tokens, streams)
  const cells = padTo(engine.contextLength, 256)
  const { embedding, heads, keyLength, valueLength } = shape
  const onGpu = engine.gpuLayers !== 0

  let stream = onGpu
    ? t.input('input', 'f32', embedding, batch)
    : t.getRows(t.weight(embedding, shape.vocabulary), t.input('input', 'i32', batch))
  const positions = t.input('input', 'i32', batch)
  const keyCells = t.input('input', 'i64', batch)
  const valueCells = t.input('input', 'i64', batch)
  const mask = t.cast(t.input('input', 'f32', cells, batch / streams, 1, streams), 'f16')
  const outputIds = t.input('input', 'i32', Math.min(outputs, batch))

  for (let layer = 0; layer < shape.layers; layer += 1) {
    const kvHeads = shape.kvHeads[layer]!
    let before = stream
    const normed = t.rmsNorm(stream)
    const project = (heads: number, length: number) =>
      t.reshape(t.mulMat(t.weight(embedding, heads * length), normed), length, heads, batch)
    const query = t.rope(project(heads, keyLength), positions)
    const key = t.rope(project(kvHeads, keyLength), positions)
    const value = project(kvHeads, valueLength)
    graph.expand(query, value, key)

    const store = (length: number, rows: t.Tensor, ids: t.Tensor) => {
      const cached = t.cache(kvHeads * length, cells * streams)
      const row = kvHeads * length
      graph.expand(t.setRows(cached, t.reshape(rows, row, batch), ids))
      return t.permute(t.reshape(cached, length, kvHeads, cells, streams), 0, 2, 1, 3)
    }
    const keys = store(keyLength, key, keyCells)
    const values = store(valueLength, value, valueCells)
    const perStream = t.reshape(query, keyLength, heads, batch / streams, streams)
    const queries = t.permute(perStream, 0, 2, 1, 3)
    const attention = t.flashAttention(queries, keys, values, mask)
    const flat = t.reshape(attention, valueLength * heads, batch)
    graph.expand(flat)
    let current = t.mulMat(t.weight(valueLength * heads, embedding), flat)
    if (layer === shape.layers - 1) {
      current = t.getRows(current, outputIds)
      before = t.getRows(before, outputIds)
    }
    const attended = t.add(current, before)
    const wide = t.rmsNorm(attended)
    const up = t.mulMat(t.weight(embedding, shape.feedForward), wide)
    const gate = t.mulMat(t.weight(embedding, shape.feedForward), wide)
    const down = t.mulMat(t.weight(shape.feedForward, embedding), t.glu(gate, up))
    stream = t.add(down, attended)
  }
  graph.expand(t.mulMat(t.weight(embedding, shape.vocabulary), t.rmsNorm(stream)))
  return graph
}
