import type { Shape } from '../model/architecture.ts'
import type { OllamaEngine } from '../model/runtime.ts'
import type { Graph } from './graph.ts'
import { OllamaBuild } from './ollama-engine.ts'
import * as t from './tensor.ts'

/** Encoders see the whole text at once and have no cache: model/models/{bert,nomicbert} of Ollama 0.17.4. */
export function encoderGraph(shape: Shape, engine: OllamaEngine, batch: number): Graph {
  const build = new OllamaBuild(shape, engine, batch)
  const layer = shape.family === 'nomic-bert' ? nomicBertLayer : bertLayer
  let stream = t.add(build.tokens(), t.weight(shape.embedding))
  if (shape.family !== 'nomic-bert') {
    const positions = t.weight(shape.embedding, shape.contextLength)
    stream = t.add(stream, t.getRows(positions, build.positions))
  }
  stream = t.layerNorm(stream)
  for (let index = 0; index < shape.layers; index += 1) stream = layer(build, stream)
  const turned = t.mean(t.contiguous(t.permute(stream, 1, 0, 2, 3)))
  build.graph.expand(t.l2Norm(t.contiguous(t.permute(turned, 1, 0, 2, 3))))
  return build.graph
}

function bertLayer(build: OllamaBuild, stream: t.Tensor): t.Tensor {
  const { heads, keyLength, embedding, feedForward } = build.shape
  const project = () => build.heads(build.linear(stream, heads * keyLength), keyLength, heads)
  const attention = attendToAll(build, project(), project(), project())
  const attended = t.layerNorm(t.add(build.linear(attention, embedding), stream))
  const middle = t.geluInPlace(build.linear(attended, feedForward))
  return t.layerNorm(t.add(build.linear(middle, embedding), attended))
}

function nomicBertLayer(build: OllamaBuild, stream: t.Tensor): t.Tensor {
  const { heads, keyLength, embedding, feedForward } = build.shape
  const all = build.heads(build.linear(stream, 3 * embedding), keyLength, 3 * heads)
  const chunk = () => t.slice(all, 1, heads)
  const query = t.rope(chunk(), build.positions)
  const attention = attendToAll(build, query, t.rope(chunk(), build.positions), chunk())
  const attended = t.layerNorm(t.add(build.linear(attention, embedding), stream))
  const middle = t.glu(build.linear(attended, feedForward), build.linear(attended, feedForward))
  return t.layerNorm(t.add(build.linear(middle, embedding), attended))
}

/** Every token attends to every other; scores are kept as a whole, since encoders have no flash attention. */
function attendToAll(build: OllamaBuild, query: t.Tensor, key: t.Tensor, value: t.Tensor) {
  build.graph.expand(query, key, value)
  const values = t.contiguous(t.permute(value, 1, 2, 0, 3))
  const queries = t.permute(query, 0, 2, 1, 3)
  const scores = t.softMax(t.mulMat(t.permute(key, 0, 2, 1, 3), queries))
  const mixed = t.contiguous(t.permute(t.mulMat(values, scores), 0, 2, 1, 3))
  return t.reshape(mixed, build.shape.embedding, build.batch)
}
