import { describe, expect, it } from 'vitest'
import { engineOf, type Runtime } from '../../../../infra/capacity/model/runtime.ts'
import { catalogArchitecture } from '../../../../infra/capacity/stack-plan.ts'
import { findModel } from '../../../../infra/settings/model-catalog.ts'
import { refusalOf } from '../../../support/servers/refusal.ts'

const engine = (model: string, changes: Partial<Runtime>) =>
  engineOf(catalogArchitecture(findModel(model)!).shape, {
    ollama: '0.17.4',
    contextLength: 4096,
    parallel: 1,
    kvCache: 'f16',
    gpuLayers: 0,
    ...changes,
  })

describe('what the engine makes of the settings', () => {
  it('cuts a context beyond the trained one', () => {
    expect(engine('llama2:7b', { contextLength: 100_000 }).contextLength).toBe(4096)
  })

  it('answers one text at a time with an encoder, the whole context in one batch', () => {
    expect(engine('nomic-embed-text', { parallel: 4 })).toMatchObject({
      parallel: 1,
      batch: 4096 / 2,
    })
  })

  it('keeps no quantized cache for an encoder', () => {
    expect(engine('nomic-embed-text', { kvCache: 'q8_0' }).kvCache).toBe('f16')
  })

  it.each([
    [4096, 1, 512],
    [8192, 1, 1024],
    [16_384, 2, 1024],
    [65_536, 1, 2048],
  ])('takes from 0.30 on, at %i × %i tokens, a batch of %i', (contextLength, parallel, batch) => {
    const { batch: taken } = engine('gpt-oss:20b', { ollama: '0.30.0', contextLength, parallel })
    expect(taken).toBe(batch)
  })

  it.each([
    ['a negative context', { contextLength: -1 }],
    ['an enormous context', { contextLength: 1e12 }],
    ['half a token', { contextLength: 0.5 }],
    ['no request at all', { parallel: 0 }],
  ])('refuses %s', (_, change) => {
    const refusal = refusalOf(() => engine('llama2:7b', change))
    expect(refusal.exitCode).toBe(2)
    expect(refusal.text).toContain(String(Object.values(change)[0]))
  })
})
