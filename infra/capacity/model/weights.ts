import type { Architecture } from './architecture.ts'
import type { OllamaEngine } from './runtime.ts'

export interface Split {
  host: number
  gpu: number
}

/** Layers that are on the GPU, the output left out, and whether the output is there too. */
export function offload(layers: number, engine: OllamaEngine): { layers: number; output: boolean } {
  if (engine.gpuLayers === 'all') return { layers, output: true }
  return { layers: Math.min(engine.gpuLayers, layers), output: engine.gpuLayers > layers }
}

/**
 * Weights by where they live. The token embedding stays in host memory. A model that ties its output to it
 * gets a second copy for the output: on the GPU with either engine, and in host memory with Ollama's own
 * engine, which also gives one to encoders, though they have no output (New in ml/backend/ggml/ggml.go). From 0.30 on
 * there is one on CPUs too where it is packed anew for them.
 */
export function splitWeights(
  { shape, weights, repacked }: Architecture,
  engine: OllamaEngine,
): Split {
  const { layers, output } = offload(shape.layers, engine)
  const repeatingOnGpu = Math.round((weights.repeating * layers) / shape.layers)
  const tied = weights.output === 0
  const isPacked = repacked === true && engine.generation === 'spawning'
  const copiesTied = tied && (engine.graph === 'ollama' || ((output || isPacked) && !shape.encoder))
  const outputBytes = weights.rest + (copiesTied ? weights.tokenEmbedding : weights.output)
  return {
    host:
      weights.tokenEmbedding +
      weights.input +
      (weights.repeating - repeatingOnGpu) +
      (output ? 0 : outputBytes),
    gpu: repeatingOnGpu + (output ? outputBytes : 0),
  }
}
