import { MiB } from '../units.ts'
import type { Architecture } from './architecture.ts'
import type { Engine } from './runtime.ts'
import { offload, type Split } from './weights.ts'

/** Private memory of an Ollama server without a model, 0.17.4, Linux x64. */
export const SERVER_BYTES = 67 * MiB

/** A runner's process before weights, cache and graph, fitted on test/bench/capacity. */
const RUNNER_BYTES = 24 * MiB
/** Go strings and tables of the tokenizer, per entry of the vocabulary, fitted likewise. */
const BYTES_PER_TOKEN = 300

/** What CUDA takes for a context and its libraries, per GPU; llama.cpp users report 300 to 500 MiB. Not measured here. */
const CUDA_CONTEXT = 500 * MiB

/** What a runner's process takes beside weights, cache and compute buffer. */
export function processOverhead({ shape }: Architecture, engine: Engine): Split {
  const onGpu = offload(shape.layers, engine).layers > 0
  return {
    host: RUNNER_BYTES + shape.vocabulary * BYTES_PER_TOKEN,
    gpu: onGpu ? CUDA_CONTEXT : 0,
  }
}
