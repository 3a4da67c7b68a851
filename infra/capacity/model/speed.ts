import type { Architecture } from './architecture.ts'
import type { Estimate } from './estimate.ts'

/** Tokens a second that an answer is made of, one request at a time: at the least, and at the most. */
export interface Speed {
  low: number
  high: number
}

/** Shares of a memory's bandwidth that engines were seen to use while they answer. */
const USED = { low: 0.4, high: 0.85 }

/** GB a second of a machine's own memory: two channels of DDR4 on a busy machine, to a server's eight. */
const OF_MACHINES = { low: 20, high: 150 }

const GB = 1e9

/** People read so many tokens a second: some 240 words a minute. */
export const READING_SPEED = 5

/**
 * What to expect of a model, by the bandwidth of the memory that it lies in: for every token all active weights are read,
 * and the keys and values of what was said before.
 * @param bandwidth GB a second of the GPU, undefined for a model in the machine's memory or on an unknown GPU
 */
export function speedOf(
  architecture: Architecture,
  { parts, engine, reserved }: Estimate,
  bandwidth: number | undefined,
): Speed | undefined {
  const isOnGpu = reserved.gpu > 0 && engine.gpuLayers !== 0
  if (isOnGpu && bandwidth === undefined) return undefined
  const kv = parts.find(({ name }) => name === 'kv')!.resident
  const cache = (kv.host + kv.gpu) / engine.parallel
  const weights = activeWeights(architecture)
  const of = isOnGpu ? { low: bandwidth!, high: bandwidth! } : OF_MACHINES
  return {
    low: (of.low * GB * USED.low) / (weights + cache),
    high: (of.high * GB * USED.high) / weights,
  }
}

/** Bytes read for one token: of a mixture only the experts that are used, of the token embedding a row. */
function activeWeights({ shape, weights }: Architecture): number {
  const { repeating, output, tokenEmbedding, rest } = weights
  const { experts, embedding, heads, keyLength, valueLength } = shape
  const kvHeads = Math.max(...shape.kvHeads)
  const attention = embedding * (2 * heads * keyLength + kvHeads * (keyLength + valueLength))
  const expert = 3 * embedding * (experts?.feedForward ?? 0)
  const share =
    experts === undefined
      ? 1
      : (attention + expert * experts.used) / (attention + expert * experts.count)
  return repeating * share + (output || tokenEmbedding) + rest
}
