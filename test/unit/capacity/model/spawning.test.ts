import { describe, expect, it } from 'vitest'
import { estimateModel } from '../../../../infra/capacity/model/estimate.ts'
import { plannedEnvironment } from '../../../../infra/capacity/model/planned-environment.ts'
import { catalogArchitecture } from '../../../../infra/capacity/stack-plan.ts'
import { modelArgs } from '../../../../infra/servers/model-args.ts'
import { ollamaEnvironment } from '../../../../infra/servers/ollama-environment.ts'
import { findModel } from '../../../../infra/settings/model-catalog.ts'
import type { ModelDefinition } from '../../../../infra/settings/model-definition.ts'
import { parseSettings } from '../../../../infra/settings/parse-settings.ts'
import { MiB } from '../../../../infra/units.ts'

const settingsOf = (ollamaVersion: string) =>
  parseSettings('dev', { ollamaVersion }, { HOME: '/home/ada' })

const partOf = (model: string, part: string, ollama: string, contextLength: number, parallel = 1) =>
  estimateModel(catalogArchitecture(findModel(model)!), {
    ollama,
    contextLength,
    parallel,
    kvCache: 'f16',
    gpuLayers: 0,
  }).parts.find(({ name }) => name === part)!.reserved.host

describe('the environment of an Ollama', () => {
  const server = { port: 1, modelsFolder: '/models', models: 2 }

  it.each(['0.30.0', '0.32.15'])('%s keeps no prompts beside the plan', version => {
    expect(ollamaEnvironment(settingsOf(version), server)).toMatchObject({
      LLAMA_ARG_CACHE_RAM: '0',
      LLAMA_ARG_CTX_CHECKPOINTS: '4',
    })
  })

  it('up to 0.24 is as it was', () => {
    const names = Object.keys(ollamaEnvironment(settingsOf('0.17.4'), server))
    expect(names.filter(name => name.startsWith('LLAMA_'))).toEqual([])
    const planned = { contextLength: 1, parallel: 1, kvCache: 'f16' } as const
    expect(plannedEnvironment({ generation: 'allocating', ...planned })).not.toHaveProperty(
      'LLAMA_ARG_CACHE_RAM',
    )
  })
})

describe('from 0.30 on the plan has', () => {
  it('the states of conversations that a model with sliding windows keeps, for each request', () => {
    const checkpoints = (version: string, parallel: number) =>
      partOf('gpt-oss:20b', 'checkpoints', version, 8192, parallel)
    // 12 sliding layers of 8 heads with keys and values of 64, of (128 + 1024) cells padded to 256, in f16.
    const once = 12 * 1280 * 8 * 128 * 2
    expect(checkpoints('0.32.15', 1)).toBe(4 * once)
    expect(checkpoints('0.32.15', 2)).toBe(8 * once)
    expect(checkpoints('0.17.4', 1)).toBe(0)
    expect(partOf('smollm2:135m', 'checkpoints', '0.32.15', 4096)).toBe(0)
  })

  it("an encoder's row of output for every token, which no line of the log shows", () => {
    const output = (version: string) => partOf('all-minilm', 'output', version, 512)
    expect(output('0.32.15')).toBe(512 * (30_522 + 384) * 4)
    expect(output('0.17.4')).toBeLessThan(MiB)
  })
})

describe('the batch of an embedding model', () => {
  const long = (role: 'embedding' | 'chat') =>
    ({ name: 'long:1b', role, contextLength: 8192 }) as ModelDefinition
  const pool = { pool: 'cpu', reach: { kind: 'direct' as const, url: 'http://x' } }
  const batchOf = (definition: ModelDefinition, version: string) =>
    modelArgs({ definition, contextLength: definition.contextLength }, settingsOf(version), pool)
      .batch

  it('is pinned to its context from 0.30 on, where Ollama itself would take 2048 tokens', () => {
    expect(batchOf(long('embedding'), '0.32.15')).toBe(8192)
    expect(batchOf(long('embedding'), '0.17.4')).toBeUndefined()
    expect(batchOf(long('chat'), '0.32.15')).toBeUndefined()
    expect(batchOf(findModel('nomic-embed-text')!, '0.32.15')).toBeUndefined()
  })
})
