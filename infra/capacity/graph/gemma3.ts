import { type GraphLayer, pick } from './ollama-engine.ts'
import * as t from './tensor.ts'

/** model/models/gemma3/model_text.go of Ollama 0.17.4. */
export const gemma3Layer: GraphLayer = (build, stream, layer, outputs) => {
  const { shape, positions } = build
  const { heads, keyLength, valueLength, embedding, feedForward } = shape
  const kvHeads = shape.kvHeads[layer]!
  const normed = t.rmsNorm(stream)
  const rotated = (count: number) => {
    const projected = build.linear(normed, count * keyLength)
    return t.rope(t.rmsNorm(build.heads(projected, keyLength, count)), positions)
  }
  const query = t.scale(rotated(heads))
  const key = rotated(kvHeads)
  const value = build.heads(build.linear(normed, kvHeads * valueLength), valueLength, kvHeads)
  const attention = build.linear(build.attend(query, key, value, layer), embedding)
  const attended = t.add(pick(t.rmsNorm(attention), outputs), pick(stream, outputs))
  const wide = t.rmsNorm(attended)
  const middle = t.glu(build.linear(wide, feedForward), build.linear(wide, feedForward))
  return t.add(t.rmsNorm(build.linear(middle, embedding)), attended)
}
