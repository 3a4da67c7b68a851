import { describe, expect, it } from 'vitest'
import type { Shape } from '../../../../infra/capacity/model/architecture.ts'
import { kvPerLayer, slidingCells } from '../../../../infra/capacity/model/kv-cache.ts'
import { engineOf, type Runtime } from '../../../../infra/capacity/model/runtime.ts'
import { catalogArchitecture } from '../../../../infra/capacity/stack-plan.ts'
import { findModel } from '../../../../infra/settings/model-catalog.ts'
import { MiB } from '../../../../infra/units.ts'

const shapeOf = (name: string): Shape => catalogArchitecture(findModel(name)!).shape

const runtime = (contextLength: number, changes: Partial<Runtime> = {}): Runtime => ({
  ollama: '0.17.4',
  contextLength,
  parallel: 1,
  kvCache: 'f16',
  gpuLayers: 0,
  ...changes,
})

const kvMiB = (shape: Shape, settings: Runtime): number =>
  kvPerLayer(shape, engineOf(shape, settings)).reduce((sum, bytes) => sum + bytes, 0) / MiB

describe('the KV cache of gpt-oss:20b', () => {
  const shape = shapeOf('gpt-oss:20b')

  it.each([
    [4096, 114],
    [8192, 222],
    [131_072, 3126],
  ])(
    'takes at a context of %i what llama.cpp gives it from 0.30 on: %i MiB',
    (context, expected) => {
      expect(kvMiB(shape, runtime(context, { ollama: '0.30.0' }))).toBe(expected)
    },
  )

  it.each([
    [4096, 192],
    [8192, 300],
  ])('takes at a context of %i what Ollama up to 0.24 gives it: %i MiB', (context, expected) => {
    expect(kvMiB(shape, runtime(context))).toBe(expected)
  })
})

it('reproduces the logged run of gpt-oss:120b: 9216.00 MiB and 90.00 MiB for two sequences', () => {
  const small = shapeOf('gpt-oss:20b')
  const layers = Array.from({ length: 36 }, (_, layer) => layer % 2 === 0)
  const shape: Shape = {
    ...small,
    layers: 36,
    kvHeads: layers.map(() => 8) as [number, ...number[]],
    slidingWindow: { tokens: 128, layers: layers as [boolean, ...boolean[]] },
  }
  // That run logged an ubatch of 1024 where plenty of memory would have given 2048.
  const engine = {
    ...engineOf(shape, runtime(131_072, { ollama: '0.30.0', parallel: 2 })),
    batch: 1024,
  }
  const perLayer = kvPerLayer(shape, engine)
  const sumOf = (sliding: boolean) =>
    perLayer.filter((_, layer) => layers[layer] === sliding).reduce((sum, n) => sum + n, 0)
  expect(sumOf(false) / MiB).toBe(9216)
  expect(sumOf(true) / MiB).toBe(90)
})

it.each([
  ['smollm2:135m', 23_040],
  ['llama2:7b', 524_288],
  ['llama3.2:1b', 32_768],
  ['llama3.2:3b', 114_688],
  ['qwen3:0.6b', 114_688],
  ['qwen3:1.7b', 114_688],
])('%s keeps %i bytes per token', (name, bytes) => {
  expect((kvMiB(shapeOf(name), runtime(4096)) * MiB) / 4096).toBe(bytes)
})

it.each([
  ['gemma3:1b', 4096, 22_528],
  ['gemma3:4b', 20_480, 118_784],
])('%s keeps %i bytes per token and %i per cell of its windows', (name, full, sliding) => {
  const shape = shapeOf(name)
  const engine = engineOf(shape, runtime(16_384))
  const expected = full * 16_384 + sliding * slidingCells(shape, engine)
  expect(kvMiB(shape, runtime(16_384)) * MiB).toBe(expected)
})

it('gives an encoder no cache', () => {
  expect(kvMiB(shapeOf('nomic-embed-text'), runtime(2048))).toBe(0)
})

it('takes 34 bytes per 32 elements with q8_0', () => {
  const shape = shapeOf('smollm2:135m')
  const ratio = kvMiB(shape, runtime(4096, { kvCache: 'q8_0' })) / kvMiB(shape, runtime(4096))
  expect(ratio).toBe(34 / 64)
})
