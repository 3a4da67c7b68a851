import { describe, expect, it } from 'vitest'
import { computeBuffer, isKnownGraph } from '../../../infra/capacity/compute.ts'
import { architectureOf, type Figures } from '../../../infra/capacity/figures.ts'
import { engineOf } from '../../../infra/capacity/runtime.ts'
import { MiB } from '../../../infra/units.ts'

const LLAMA: Figures = {
  family: 'llama',
  layers: 30,
  embedding: 576,
  feedForward: 1536,
  heads: 9,
  kvHeads: 3,
  headLength: 64,
  vocabulary: 49_152,
  embeddingType: 'f16',
}
const GPT_OSS: Figures = {
  family: 'gptoss',
  layers: 4,
  embedding: 256,
  feedForward: 256,
  heads: 4,
  kvHeads: 4,
  headLength: 64,
  vocabulary: 201_088,
  slidingWindow: 128,
  experts: { count: 128, used: 4 },
  embeddingType: 'q8_0',
  untied: true,
}
const NOMIC_BERT: Figures = {
  family: 'nomic-bert',
  layers: 2,
  embedding: 384,
  feedForward: 1536,
  heads: 6,
  kvHeads: 6,
  headLength: 64,
  vocabulary: 30_522,
  encoder: true,
  embeddingType: 'q8_0',
}
const MINILM: Figures = {
  family: 'bert',
  layers: 6,
  embedding: 384,
  feedForward: 1536,
  heads: 12,
  kvHeads: 12,
  headLength: 32,
  vocabulary: 30_522,
  encoder: true,
  embeddingType: 'f16',
}

function reserved(figures: Figures, contextLength: number, parallel: number, fused?: boolean) {
  const { shape } = architectureOf(figures, 32_768, 1e9)
  const engine = engineOf(shape, {
    ollama: '0.17.4',
    contextLength,
    parallel,
    kvCache: 'f16',
    gpuLayers: 0,
  })
  return computeBuffer({ ...shape, fused }, engine).reserved
}

describe('the compute buffer is what the real Ollama 0.17.4 logged for', () => {
  it.each([
    [512, 1, '102.01'],
    [2048, 1, '98.25'],
    [4096, 1, '97.12'],
    [512, 4, '102.01'],
  ])('smollm2:135m at %i tokens, %i at a time: %s MiB', (contextLength, parallel, mib) => {
    // llama.cpp cuts what it logs at two decimals.
    expect(reserved(LLAMA, contextLength, parallel) / MiB).toBeCloseTo(Number(mib), 1)
  })

  it.each([
    [512, 1, 8_912_896],
    [2048, 4, 25_165_824],
    [4096, 1, 16_777_216],
    [4096, 4, 41_943_040],
    [8192, 1, 21_495_808],
    [8192, 2, 34_078_720],
  ])('a scaled gpt-oss at %i tokens, %i at a time: %i bytes', (contextLength, parallel, bytes) => {
    expect(reserved(GPT_OSS, contextLength, parallel)).toBe(bytes)
  })
})
