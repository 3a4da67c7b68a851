import type { GraphLayer } from './ollama-engine.ts'
import { type OllamaBuild, pick } from './ollama-engine.ts'
import * as t from './tensor.ts'

/** model/models/gptoss/model.go of Ollama 0.17.4. */
export const gptossLayer: GraphLayer = (build, stream, layer, outputs) => {
  const { shape } = build
  const normed = t.rmsNorm(stream)
  const [query, key, value] = project(build, normed, layer)
  const rotated = (a: t.Tensor) => t.rope(a, build.positions)
  const attention = build.attend(rotated(query), rotated(key), value, layer)
  const attended = pick(t.add(build.linear(attention, shape.embedding), stream), outputs)
  return t.add(mixExperts(build, t.rmsNorm(attended)), attended)
}

function project(
  build: OllamaBuild,
  normed: t.Tensor,
  layer: number,
): [t.Tensor, t.Tensor, t.Tensor] {
  const { heads, keyLength, valueLength, kvHeads, fused } = build.shape
  const cached = kvHeads[layer]!
  if (fused) {
    const count = heads + 2 * cached
    const all = build.heads(build.linear(normed, count * keyLength), keyLength, count)
    return [t.slice(all, 1, heads), t.slice(all, 1, cached), t.slice(all, 1, cached)]
  }
  const of = (count: number, length: number) =>
    build.heads(build.linear(normed, count * length), length, count)
  return [of(heads, keyLength), of(cached, keyLength), of(cached, valueLength)]
}

function mixExperts(build: OllamaBuild, normed: t.Tensor): t.Tensor {
  const { embedding, experts, fused } = build.shape
  const { count, used, feedForward } = experts!
  const rows = normed.ne[1]
  const router = build.linear(t.reshape(normed, embedding, rows), count)
  const selected = t.topK(router, used)
  const chosen = t.getRows(t.reshape(router, 1, count, rows), selected)
  const weights = t.softMax(t.reshape(chosen, used, rows))
  const single = t.reshape(normed, embedding, 1, rows)
  const expert = (a: t.Tensor, width: number) =>
    t.mulMatId(t.weight(a.ne[0], width, count), a, selected)
  const [gate, up] = fused
    ? halves(expert(single, 2 * feedForward))
    : [expert(single, feedForward), expert(single, feedForward)]
  const down = expert(t.glu(gate, up), embedding)
  const weighted = t.mul(down, t.reshape(weights, 1, used, rows))
  const share = () => t.view(weighted, [embedding, rows], [4, weighted.nb[2], 0, 0])
  return Array.from({ length: used - 1 }).reduce<t.Tensor>(sum => t.add(sum, share()), share())
}

/** Gate and up are interleaved: each half is copied out. */
function halves(both: t.Tensor): [t.Tensor, t.Tensor] {
  const [width, used, rows] = both.ne
  const every = () =>
    t.contiguous(t.view(both, [width / 2, used, rows], [8, both.nb[1], both.nb[2], both.nb[3]]))
  return [every(), every()]
}
