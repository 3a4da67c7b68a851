import { type GraphLayer, pick } from './ollama-engine.ts'
import * as t from './tensor.ts'

/** model/models/qwen3/model.go of Ollama 0.17.4, dense; the shape of most families with gated layers. */
export const qwen3Layer: GraphLayer = (build, stream, layer, outputs) => {
  const { shape, positions } = build
  const { heads, keyLength, valueLength, embedding, feedForward } = shape
  const kvHeads = shape.kvHeads[layer]!
  const normed = t.rmsNorm(stream)
  const queries = build.linear(normed, heads * keyLength)
  const keys = build.linear(normed, kvHeads * keyLength)
  const values = build.linear(normed, kvHeads * valueLength)
  const rotated = (a: t.Tensor, count: number) =>
    t.rope(t.rmsNorm(build.heads(a, keyLength, count)), positions)
  const value = build.heads(values, valueLength, kvHeads)
  const attention = build.attend(rotated(queries, heads), rotated(keys, kvHeads), value, layer)
  const projected = build.linear(attention, embedding)
  const attended = t.add(pick(projected, outputs), pick(stream, outputs))
  const wide = t.rmsNorm(attended)
  const middle = t.glu(build.linear(wide, feedForward), build.linear(wide, feedForward))
  return t.add(build.linear(middle, embedding), attended)
}
