import { bufferSize } from '../graph/allocator.ts'
import { encoderGraph } from '../graph/encoder.ts'
import { gemma3Layer } from '../graph/gemma3.ts'
import { gptossLayer } from '../graph/gptoss.ts'
import type { Graph } from '../graph/graph.ts'
import { llamaCppGraph } from '../graph/llama-cpp.ts'
import { isFamilyOfLlamaServer, llamaServerGraph } from '../graph/llama-server.ts'
import { decoderGraph, type GraphLayer } from '../graph/ollama-engine.ts'
import { qwen3Layer } from '../graph/qwen3.ts'
import * as t from '../graph/tensor.ts'
import type { Shape } from './architecture.ts'
import type { OllamaEngine } from './runtime.ts'

/** Bytes of a result's element. */
const FLOAT = 4

/** Alignment of tensors in a buffer: TENSOR_ALIGNMENT of ggml's CPU backend, and its CUDA backend's. */
const ALIGNMENT = { host: 32, gpu: 128 }

const LAYERS: Record<string, { layer: GraphLayer; embed?: typeof t.scale }> = {
  gptoss: { layer: gptossLayer },
  'gpt-oss': { layer: gptossLayer },
  gemma3: { layer: gemma3Layer, embed: t.scale },
  qwen3: { layer: qwen3Layer },
}

const ENCODERS = new Set(['bert', 'nomic-bert'])

/** Whether the family's graph is known; others are taken to be built like qwen3 or llama. */
export const isKnownGraph = (shape: Shape, { generation, graph }: OllamaEngine): boolean => {
  if (generation === 'spawning') return isFamilyOfLlamaServer(shape)
  if (graph === 'llama.cpp') return shape.family === 'llama' && !shape.experts
  return shape.encoder ? ENCODERS.has(shape.family) : shape.family in LAYERS
}

/**
 * Bytes of the buffer that the engine reserves for the results of its largest graph, and the bytes of it that
 * a full prompt touches. Up to 0.24 llama.cpp reserves logits for a whole batch and then asks for one row per
 * sequence; a graph's results always start at the bottom of the buffer.
 */
export function computeBuffer(
  shape: Shape,
  engine: OllamaEngine,
): { reserved: number; touched: number } {
  const alignment = engine.gpuLayers === 0 ? ALIGNMENT.host : ALIGNMENT.gpu
  const size = (outputs: number) =>
    Math.max(bufferSize(graphOf(shape, engine, outputs), alignment), visionBuffer(shape))
  const touched = size(engine.allRows ? engine.batch : engine.parallel)
  const reservesAllRows = engine.graph === 'llama.cpp' && engine.generation === 'allocating'
  return { reserved: reservesAllRows ? size(engine.batch) : touched, touched }
}

/**
 * What reading an image takes at most, where the feed-forward of the vision tower is widest: its input, its
 * middle and its output (gemma3/model_vision.go of Ollama 0.17.4). Not measured here.
 */
const visionBuffer = ({ vision }: Shape): number =>
  vision === undefined ? 0 : vision.patches * (vision.feedForward + 2 * vision.embedding) * FLOAT

function graphOf(shape: Shape, engine: OllamaEngine, outputs: number): Graph {
  if (engine.generation === 'spawning') return llamaServerGraph(shape, engine, outputs)
  if (engine.graph === 'llama.cpp') {
    const isDense = !shape.encoder && !shape.experts && !shape.latent
    // Its vendored llama.cpp is some months older than what is replayed for all families.
    return isDense
      ? llamaCppGraph(shape, engine, engine.batch, outputs)
      : llamaServerGraph(shape, engine, outputs)
  }
  if (shape.encoder && ENCODERS.has(shape.family)) return encoderGraph(shape, engine, engine.batch)
  const known = LAYERS[shape.family]
  return decoderGraph(shape, engine, {
    batch: engine.batch,
    outputs,
    ...(known ?? { layer: qwen3Layer }),
  })
}
