import { MiB } from '../../units.ts'
import type { Shape } from './architecture.ts'
import { layerCells, padTo } from './kv-cache.ts'
import type { OllamaEngine } from './runtime.ts'

/**
 * Constants of this file are fitted on cells of test/bench/capacity: Ollama 0.17.4 and, where they are llama-server's,
 * 0.32.15, on Linux x64, glibc.
 */

/** An Ollama server without a model. */
export const SERVER_BYTES = 67 * MiB

/** Pages of Ollama's program that a runner touches; the system can drop and read them again. */
const PROGRAM_BYTES = 26 * MiB

/** What CUDA takes for a context and its libraries on each GPU; users of llama.cpp report 300 to 500 MiB. */
export const CUDA_CONTEXT = 500 * MiB

const FLOAT = 4

/** The server that Ollama starts from 0.30 on, and pages of its program. */
const LLAMA_SERVER = {
  program: 11.8 * MiB,
  base: 5.6 * MiB,
  perToken: 164,
  perMerge: 138,
  perCell: 143,
}

/** A runner that llama.cpp works in. */
const LLAMA_CPP = { base: 13.4 * MiB, perToken: 137, perMerge: 116, perChoice: 16, perCell: 110 }

/**
 * A runner of Ollama's own engine: a text for each token and each rule, and their tables, which double when they
 * are seven eighths full; a slot is a text's place, a number and a byte of control (tokenizer/vocabulary.go).
 */
const OLLAMA = { base: 8.4 * MiB, perToken: 45, perMerge: 59, perSlot: 26 }

/**
 * How often a mask is in memory at once: ggml has those of the batch that is computed and of the next, and Go one
 * to three, by when it collects them. Usually, and at most.
 */
const MASK_COPIES = { usual: 3.17, most: 4.5 }

/** What a runner's process takes beside weights, cache, compute buffer and inputs: mostly its tokenizer. */
export function processBytes(shape: Shape, engine: OllamaEngine): number {
  const { vocabulary, merges } = shape
  if (engine.graph === 'ollama') {
    const tables = (slots(vocabulary) + slots(merges)) * OLLAMA.perSlot
    const texts = vocabulary * OLLAMA.perToken + merges * OLLAMA.perMerge
    return Math.ceil(PROGRAM_BYTES + OLLAMA.base + tables + texts)
  }
  if (engine.generation === 'spawning') {
    const { program, base, perToken, perMerge, perCell } = LLAMA_SERVER
    const cells = engine.parallel * engine.contextLength * perCell
    return Math.ceil(program + base + vocabulary * perToken + merges * perMerge + cells)
  }
  const tokenizer = vocabulary * LLAMA_CPP.perToken + merges * LLAMA_CPP.perMerge
  // Each sequence keeps a list of all tokens to choose the next one from.
  const choices = engine.parallel * vocabulary * LLAMA_CPP.perChoice
  const cells = engine.parallel * engine.contextLength * LLAMA_CPP.perCell
  return Math.ceil(PROGRAM_BYTES + LLAMA_CPP.base + tokenizer + choices + cells)
}

const slots = (entries: number): number =>
  entries === 0 ? 0 : 2 ** Math.ceil(Math.log2((entries * 8) / 7))

/**
 * Inputs that Ollama's own engine makes for each batch outside of the buffers it reports: a mask of floats for
 * each kind of cache (buildMask in kvcache/causal.go). llama.cpp has its inputs in the compute buffer.
 */
export function inputBytes(
  shape: Shape,
  engine: OllamaEngine,
): { reserved: number; resident: number } {
  if (shape.encoder || engine.graph !== 'ollama') return { reserved: 0, resident: 0 }
  const kinds = new Map(
    Array.from({ length: shape.layers }, (_, layer) => [
      shape.slidingWindow?.layers[layer] ?? false,
      layerCells(shape, engine, layer),
    ]),
  )
  const cells = [...kinds.values()].reduce((sum, count) => sum + count, 0)
  const once = cells * engine.batch * FLOAT
  return {
    reserved: Math.ceil(MASK_COPIES.most * once),
    resident: Math.ceil(MASK_COPIES.usual * once),
  }
}

/**
 * llama.cpp's room for what it hands out: a row of logits and an embedding for each sequence. From 0.30 on that of an
 * embedding model has one for every token of its batch, in a buffer that no line of the log shows (seen with five).
 */
export function outputBytes(shape: Shape, engine: OllamaEngine): number {
  if (engine.graph !== 'llama.cpp') return 0
  const rows = engine.allRows && engine.generation === 'spawning' ? engine.batch : engine.parallel
  return padTo(rows * (shape.vocabulary + shape.embedding) * FLOAT, 32)
}
