import { describe, expect, it } from 'vitest'
import { computeBuffer } from '../../../../infra/capacity/model/compute-buffers.ts'
import { architectureOf, type Figures } from '../../../../infra/capacity/model/figures.ts'
import { engineOf, type KvCacheType } from '../../../../infra/capacity/model/runtime.ts'
import { MiB } from '../../../../infra/units.ts'

const SMOLLM2: Figures = {
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
/** The shapes of the capacity bench. */
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
const GEMMA3: Figures = {
  family: 'gemma3',
  layers: 6,
  embedding: 256,
  feedForward: 1024,
  heads: 2,
  kvHeads: 1,
  headLength: 256,
  vocabulary: 262_144,
  slidingWindow: 512,
  embeddingType: 'q8_0',
}
const QWEN3: Figures = {
  family: 'qwen3',
  layers: 2,
  embedding: 256,
  feedForward: 768,
  heads: 4,
  kvHeads: 2,
  headLength: 128,
  vocabulary: 151_936,
  embeddingType: 'f16',
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

type Settings = [context: number, parallel: number, kvCache?: KvCacheType]

function reserved(figures: Figures, [contextLength, parallel, kvCache = 'f16']: Settings): number {
  const { shape } = architectureOf(figures, 32_768, 1e9)
  const settings = { ollama: '0.17.4', contextLength, parallel, kvCache, gpuLayers: 0 as const }
  // These files have queries, keys and values apart.
  return computeBuffer({ ...shape, fused: undefined }, engineOf(shape, settings)).reserved
}

describe('the compute buffer is what the real Ollama 0.17.4 logged for', () => {
  it.each([
    [512, 1, '102.01'],
    [2048, 1, '98.25'],
    [4096, 1, '97.12'],
    [512, 4, '102.01'],
  ])('smollm2:135m at %i tokens, %i at a time: %s MiB', (contextLength, parallel, mib) => {
    // llama.cpp cuts what it logs at two decimals.
    expect(reserved(SMOLLM2, [contextLength, parallel]) / MiB).toBeCloseTo(Number(mib), 1)
  })

  it.each<[string, Figures, Settings, number]>([
    ['gpt-oss', GPT_OSS, [512, 1], 8_912_896],
    ['gpt-oss', GPT_OSS, [4096, 1], 16_777_216],
    ['gpt-oss', GPT_OSS, [4096, 4, 'q8_0'], 41_943_040],
    ['gpt-oss', GPT_OSS, [8192, 2, 'q8_0'], 34_078_720],
    ['gemma3', GEMMA3, [512, 4], 11_534_336],
    ['gemma3', GEMMA3, [2048, 1], 9_437_184],
    ['gemma3', GEMMA3, [2048, 4, 'q8_0'], 12_320_768],
    ['qwen3', QWEN3, [512, 1], 7_340_032],
    ['qwen3', QWEN3, [2048, 4, 'q8_0'], 14_680_064],
    ['qwen3', QWEN3, [4096, 4, 'q8_0'], 23_068_672],
    ['all-minilm', MINILM, [256, 1], 5_111_808],
    ['all-minilm', MINILM, [512, 1], 16_515_072],
  ])('a scaled %s, case %#', (_, figures, settings, bytes) => {
    expect(reserved(figures, settings)).toBe(bytes)
  })
})
