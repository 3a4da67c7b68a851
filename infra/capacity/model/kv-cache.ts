import type { Shape } from './architecture.ts'
import { CONTEXT_CHECKPOINTS } from './planned-environment.ts'
import type { KvCacheType, OllamaEngine } from './runtime.ts'

/** Bytes of one element; quantized types keep a scale per block of 32. */
const ELEMENT_BYTES: Record<KvCacheType, number> = { f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 }

/** Both engines round the cells of a cache up to this. */
const CELL_PADDING = 256

/** gpt-oss keeps more of the past than its window, to reuse prefixes: SWAMemCache in gptoss/model.go, 0.17.4. */
const SLIDING_MEMORY: Record<string, number> = { gptoss: 4096, 'gpt-oss': 4096 }

export const padTo = (value: number, step: number): number => Math.ceil(value / step) * step

/** Cells that a layer's cache has for all sequences together, where it sees the whole context. */
export function fullCells(engine: OllamaEngine): number {
  return engine.graph === 'ollama'
    ? padTo(engine.parallel * engine.contextLength, CELL_PADDING)
    : engine.parallel * padTo(engine.contextLength, CELL_PADDING)
}

/**
 * Cells of a sliding layer for all sequences together. Up to 0.24 the window lives in one ring for all
 * sequences (Causal.Init in kvcache/causal.go), and on llama.cpp such a layer keeps as much as any other (swa_full in its
 * default parameters); from 0.30 each sequence has its own (llama_kv_cache_iswa).
 */
export function slidingCells(shape: Shape, engine: OllamaEngine): number {
  const window = shape.slidingWindow?.tokens ?? engine.contextLength
  if (engine.graph === 'ollama') {
    const kept = SLIDING_MEMORY[shape.family] ?? window
    const memory = engine.parallel > 1 ? Math.max(kept, window + 1) : kept
    return memory >= engine.contextLength
      ? fullCells(engine)
      : padTo(engine.parallel * memory + engine.batch, CELL_PADDING)
  }
  if (engine.generation === 'allocating') return fullCells(engine)
  const cells = Math.min(engine.contextLength, window + engine.batch)
  return engine.parallel * padTo(cells, CELL_PADDING)
}

/** Cells of one layer. */
export const layerCells = (shape: Shape, engine: OllamaEngine, layer: number): number =>
  shape.slidingWindow?.layers[layer] ? slidingCells(shape, engine) : fullCells(engine)

/** Bytes of the KV cache, layer by layer. An encoder has none. */
export function kvPerLayer(shape: Shape, engine: OllamaEngine): number[] {
  // llama.cpp takes values out of compressed keys.
  const isLatent = shape.latent !== undefined && engine.graph === 'llama.cpp'
  const lengths = isLatent ? shape.keyLength : shape.keyLength + shape.valueLength
  return Array.from({ length: shape.layers }, (_, layer) => {
    if (shape.encoder) return 0
    const heads = shape.kvHeads[layer] ?? 0
    return layerCells(shape, engine, layer) * heads * lengths * ELEMENT_BYTES[engine.kvCache]
  })
}

/** Of the states that may be kept, those that were, over many prompts and a conversation: fitted on 0.32.15. */
const CHECKPOINTS_FILLED = 0.47

/**
 * Bytes of the states that llama.cpp's server keeps of conversations, in the machine's memory: the layers of a sliding
 * window, for which what left it cannot be computed back (create_checkpoint in its server-context.cpp).
 */
export function checkpointBytes(
  shape: Shape,
  engine: OllamaEngine,
): { reserved: number; resident: number } {
  if (engine.generation === 'allocating' || shape.slidingWindow === undefined) {
    return { reserved: 0, resident: 0 }
  }
  const { layers } = shape.slidingWindow
  const sliding = kvPerLayer(shape, engine).filter((_, layer) => layers[layer])
  const reserved = Math.ceil(CONTEXT_CHECKPOINTS * sliding.reduce((sum, bytes) => sum + bytes, 0))
  return { reserved, resident: Math.ceil(reserved * CHECKPOINTS_FILLED) }
}
