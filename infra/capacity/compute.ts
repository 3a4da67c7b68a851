import type { Shape } from './architecture.ts'
import { fullCells } from './kv.ts'
import type { Engine } from './runtime.ts'

/** Activations are 32-bit floats. */
const FLOAT = 4

/**
 * Bytes of the compute buffer that the engine reserves for its largest graph, and how many of them a full
 * prompt touches: llama.cpp reserves logits for a whole batch and uses one row per sequence.
 */
export function computeBuffer(shape: Shape, engine: Engine): { reserved: number; touched: number } {
  const { batch } = engine
  const rows = engine.graph === 'ollama' ? engine.parallel : batch
  const cells = shape.encoder ? batch : fullCells(engine)
  const mask = cells * batch * (engine.flashAttention ? FLOAT + 2 : FLOAT)
  const scores = engine.flashAttention ? 0 : shape.heads * cells * batch * FLOAT
  const used = shape.experts?.used ?? 1
  const feedForward = shape.experts?.feedForward ?? shape.feedForward
  const attention = scores + 2 * batch * shape.heads * shape.keyLength * FLOAT
  const middle = 2 * batch * used * feedForward * FLOAT
  const stream = 2 * batch * shape.embedding * FLOAT
  const layer = mask + stream + Math.max(attention, middle)
  const logits = (count: number) => count * (shape.vocabulary + shape.embedding) * FLOAT
  return {
    reserved: Math.max(layer, shape.encoder ? 0 : logits(rows)),
    touched: Math.max(layer, shape.encoder ? 0 : logits(engine.parallel)),
  }
}
