import { describe, expect, it } from 'vitest'
import {
  architectureOfFile,
  type TensorInfo,
} from '../../../../infra/capacity/model/gguf-metadata.ts'
import { engineOf } from '../../../../infra/capacity/model/runtime.ts'
import { splitWeights } from '../../../../infra/capacity/model/weights.ts'
import { MiB } from '../../../../infra/units.ts'
import { refusalOf } from '../../../support/servers/refusal.ts'

const GPT_OSS = {
  'general.architecture': 'gptoss',
  'gptoss.block_count': 24,
  'gptoss.context_length': 131_072,
  'gptoss.embedding_length': 2880,
  'gptoss.feed_forward_length': 2880,
  'gptoss.attention.head_count': 64,
  'gptoss.attention.head_count_kv': 8,
  'gptoss.attention.key_length': 64,
  'gptoss.attention.value_length': 64,
  'gptoss.attention.sliding_window': 128,
  'gptoss.expert_count': 32,
  'gptoss.expert_used_count': 4,
}

const tensor = (name: string, bytes: number, type = 0, shape = [2880, 201_088]): TensorInfo => ({
  name,
  bytes,
  type,
  shape,
})

/** gpt-oss:20b by part, with the bytes of its file in the library. */
const TENSORS = [
  tensor('token_embd.weight', 2_316_533_760 / 2),
  tensor('output.weight', 2_316_533_760 / 2),
  tensor('blk.0.ffn_gate_up_exps.weight', 10_152_345_600),
  tensor('blk.0.attn_qkv.weight', 1_274_019_840),
  tensor('blk.0.ffn_norm.weight', 36_731_136),
]

describe('gpt-oss:20b by its metadata', () => {
  const architecture = architectureOfFile(GPT_OSS, TENSORS, 13_793_441_244, 'the test')

  it('takes its head length from the metadata, not from embedding / heads', () => {
    expect(architecture.shape.keyLength).toBe(64)
  })

  it('slides in every other layer', () => {
    expect(architecture.shape.slidingWindow?.tokens).toBe(128)
    expect(architecture.shape.slidingWindow?.layers.slice(0, 4)).toEqual([true, false, true, false])
  })

  it('puts 12,036.7 MiB of weights on a GPU and leaves 1,104.6 MiB of token embedding on the host', () => {
    const engine = engineOf(architecture.shape, {
      ollama: '0.17.4',
      contextLength: 8192,
      parallel: 1,
      kvCache: 'f16',
      gpuLayers: 'all',
    })
    const { host, gpu } = splitWeights(architecture, engine)
    expect((gpu / MiB).toFixed(1)).toBe('12036.7')
    expect((host / MiB).toFixed(1)).toBe('1104.6')
  })
})

it('widens the biases of experts from bf16, as the engine does', () => {
  const bf16 = 30
  const tensors = [...TENSORS, tensor('blk.0.ffn_down_exps.bias', 1000, bf16)]
  const wide = architectureOfFile(GPT_OSS, tensors, 1, 'the test')
  const plain = architectureOfFile(GPT_OSS, TENSORS, 1, 'the test')
  expect(wide.weights.repeating - plain.weights.repeating).toBe(2000)
})

describe('a tied output', () => {
  const metadata = { ...GPT_OSS, 'general.architecture': 'llama' }
  const llama = Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key.replace('gptoss.', 'llama.'), value]),
  )
  const tied = TENSORS.filter(({ name }) => name !== 'output.weight')
  const weightsOf = (family: string, gpuLayers: 0 | 'all') => {
    const architecture = architectureOfFile(
      family === 'llama' ? llama : GPT_OSS,
      tied,
      1,
      'the test',
    )
    const engine = engineOf(architecture.shape, {
      ollama: '0.17.4',
      contextLength: 8192,
      parallel: 1,
      kvCache: 'f16',
      gpuLayers,
    })
    return splitWeights(architecture, engine)
  }
  const embedding = 2_316_533_760 / 2
  const rest = 10_152_345_600 + 1_274_019_840 + 36_731_136

  it('shares the embedding in host memory with llama.cpp', () => {
    expect(weightsOf('llama', 0)).toEqual({ host: embedding + rest, gpu: 0 })
  })

  it("is a second copy in host memory with Ollama's own engine", () => {
    expect(weightsOf('gptoss', 0)).toEqual({ host: 2 * embedding + rest, gpu: 0 })
  })

  it('is a copy on the GPU with either', () => {
    expect(weightsOf('llama', 'all')).toEqual({ host: embedding, gpu: embedding + rest })
  })
})

describe('metadata that makes no sense', () => {
  it.each([
    ['no architecture', { 'general.architecture': undefined }, 'it names no architecture'],
    ['no layers', { 'gptoss.block_count': undefined }, 'gptoss.block_count is missing'],
    ['a million layers', { 'gptoss.block_count': 1e6 }, 'allowed is 1 to 1024'],
    ['a negative context', { 'gptoss.context_length': -1 }, 'gptoss.context_length is -1'],
    ['half a head', { 'gptoss.attention.key_length': 0.5 }, 'shape.keyLength'],
  ])('refuses %s', (_, change, message) => {
    const refusal = refusalOf(() =>
      architectureOfFile({ ...GPT_OSS, ...change }, TENSORS, 1, '/models/some.gguf'),
    )
    expect(refusal.text).toContain(message)
    expect(refusal.text).toContain('/models/some.gguf')
  })

  it('refuses a file without a token embedding, such as a projector', () => {
    const refusal = refusalOf(() => architectureOfFile(GPT_OSS, [], 1, 'mmproj.gguf'))
    expect(refusal.text).toContain('shape.vocabulary')
  })
})
