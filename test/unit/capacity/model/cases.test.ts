import { describe, expect, it } from 'vitest'
import type { Gpu } from '../../../../infra/capacity/hardware/hardware.ts'
import { isSound } from '../../../../infra/capacity/model/architecture.ts'
import { estimateModel } from '../../../../infra/capacity/model/estimate.ts'
import { architectureOf, type Figures } from '../../../../infra/capacity/model/figures.ts'
import { architectureOfFile } from '../../../../infra/capacity/model/gguf-metadata.ts'
import { engineOf, type Runtime } from '../../../../infra/capacity/model/runtime.ts'
import { planStack } from '../../../../infra/capacity/stack-plan.ts'
import { gpusOf } from '../../../../infra/docker/container-limits.ts'
import { OwnModel } from '../../../../infra/settings/own-model-schema.ts'
import { GiB, MiB } from '../../../../infra/units.ts'
import { machineOf, stackDemand } from '../../../support/stack/demand.ts'

const runtime = (changes: Partial<Runtime> = {}): Runtime => ({
  ollama: '0.17.4',
  contextLength: 8192,
  parallel: 1,
  kvCache: 'f16',
  gpuLayers: 0,
  ...changes,
})

/** What a file of such a model says, with the least that it has to. */
const file = (
  family: string,
  values: Record<string, unknown>,
  more: Record<string, unknown> = {},
) =>
  architectureOfFile(
    {
      'general.architecture': family,
      ...Object.fromEntries(
        Object.entries(values).map(([key, value]) => [`${family}.${key}`, value]),
      ),
      ...more,
    },
    [{ name: 'token_embd.weight', shape: [1024, 151_669], bytes: 165_000_000, type: 8 }],
    640_000_000,
    'a test',
  )

const QWEN3_EMBEDDING = {
  block_count: 28,
  context_length: 32_768,
  embedding_length: 1024,
  feed_forward_length: 3072,
  'attention.head_count': 16,
  'attention.head_count_kv': 8,
  'attention.key_length': 128,
  'attention.value_length': 128,
}

describe('a decoder that embeds', () => {
  const model = file('qwen3', { ...QWEN3_EMBEDDING, pooling_type: 3 })
  const settings = { contextLength: 32_768, embedding: true }

  it('keeps keys and values, in batches of 512, and takes 5 to 6 GiB at 32,768 tokens', () => {
    const { engine, parts, reserved } = estimateModel(model, runtime(settings))
    const kv = parts.find(({ name }) => name === 'kv')!
    expect(kv.reserved.host).toBe(3584 * MiB)
    expect(engine).toMatchObject({ graph: 'ollama', batch: 512, parallel: 1 })
    expect(reserved.host / GiB).toBeGreaterThan(4)
    expect(reserved.host / GiB).toBeLessThan(6)
  })

  it('takes a text in parts from 0.30 on, where its last token makes the vector', () => {
    const batch = (pooling: number) =>
      engineOf(
        file('qwen3', { ...QWEN3_EMBEDDING, pooling_type: pooling }).shape,
        runtime({ ...settings, ollama: '0.32.15' }),
      ).batch
    expect(batch(3)).toBe(2048)
    expect(batch(1)).toBe(32_768)
  })

  it('is read again where an older version recorded it as an encoder, without a cache', () => {
    const recorded = (family: string, encoder: boolean) => ({
      ...model,
      shape: { ...model.shape, family, encoder, pooling: undefined },
    })
    expect(isSound(recorded('qwen3', true))).toBe(false)
    for (const [family, encoder] of [
      ['qwen3', false],
      ['bert', true],
      ['nomic-bert', true],
      ['gemma3', true],
    ] as const) {
      expect(isSound(recorded(family, encoder))).toBe(true)
    }
  })

  it('answers one text at a time', () => {
    expect(engineOf(model.shape, runtime({ ...settings, parallel: 4 })).parallel).toBe(1)
  })
})

describe('bert with a unigram tokenizer, as bge-m3', () => {
  const BERT = {
    block_count: 24,
    context_length: 8192,
    embedding_length: 1024,
    feed_forward_length: 4096,
    'attention.head_count': 16,
    pooling_type: 2,
  }
  const bert = (tokenizer: string) =>
    architectureOfFile(
      {
        'general.architecture': 'bert',
        ...Object.fromEntries(Object.entries(BERT).map(([key, value]) => [`bert.${key}`, value])),
        'tokenizer.ggml.model': tokenizer,
      },
      [
        { name: 'token_embd.weight', shape: [1024, 250_002], bytes: 512_004_096, type: 1 },
        // All layers as one.
        { name: 'blk.0.all', shape: [1024, 315_000], bytes: 645_120_000, type: 1 },
      ],
      1_157_671_296,
      'a test',
    )

  it('runs on llama.cpp, with its attention in one step', () => {
    const { engine, reserved } = estimateModel(bert('t5'), runtime({ embedding: true }))
    expect(engine).toMatchObject({ graph: 'llama.cpp', batch: 8192, kvCache: 'f16' })
    expect(reserved.host / GiB).toBeGreaterThan(1.6)
    expect(reserved.host / GiB).toBeLessThan(2.3)
  })

  it("runs on Ollama's own engine with its own tokenizer, which keeps all scores", () => {
    const { engine, parts } = estimateModel(bert('bert'), runtime({ embedding: true }))
    expect(engine.graph).toBe('ollama')
    const compute = parts.find(({ name }) => name === 'compute')!
    expect(compute.reserved.host / MiB).toBeGreaterThan(4000)
  })
})

describe('what an engine forces', () => {
  const FORCED =
    'mllama qwen3vl qwen3vlmoe qwen35 qwen35moe qwen3next lfm2 lfm2moe nemotron_h nemotron_h_moe'

  it.each(FORCED.split(' '))('is one request at a time of the family %s, which is said', family => {
    for (const ollama of ['0.17.4', '0.32.15']) {
      const demand = { ...stackDemand('qwen3:0.6b'), ollama, parallel: 4 }
      const [embedding, chat] = demand.models
      const { architecture } = chat!
      const shape = { ...architecture.shape, family }
      const models = [embedding!, { ...chat!, architecture: { ...architecture, shape } }]
      const { models: planned, forced } = planStack({ ...demand, models }, [machineOf(64)])
      expect(planned[1]).toMatchObject({ parallel: 1 })
      expect(forced).toEqual([expect.stringContaining(`family ${family}`)])
    }
  })

  it('is nothing of others', () => {
    const demand = { ...stackDemand('qwen3:0.6b'), parallel: 4 }
    const { models, forced } = planStack(demand, [machineOf(64)])
    expect(models[1]).toMatchObject({ parallel: 4 })
    expect(forced).toEqual([])
  })
})

describe('a card without flash attention', () => {
  const card = (changes: Partial<Gpu>): Gpu => ({
    product: 'Tesla P40',
    memory: 22 * GiB,
    resource: 'nvidia.com/gpu',
    ...changes,
  })
  const kvOn = (gpu: Gpu) => {
    const demand = { ...stackDemand('llama3.2:3b', 32_768), kvCache: 'q8_0' as const }
    const plan = planStack(demand, [machineOf(64, { gpus: [gpu] })])
    const { parts } = plan.models[1]!
    return { forced: plan.forced, kv: parts.find(({ name }) => name === 'kv')!.reserved.gpu / MiB }
  }

  it('keeps an f16 cache, whatever is set, and the plan says so', () => {
    const { forced, kv } = kvOn(card({ old: true }))
    expect(kv).toBe(3584)
    expect(forced).toEqual([expect.stringContaining('llama3.2:3b keeps a cache of f16, not q8_0')])
  })

  it('is no recent one', () => {
    expect(kvOn(card({}))).toEqual({ forced: [], kv: 1904 })
  })
})

describe("a model's own figures", () => {
  const figures: Figures = {
    family: 'llama',
    layers: 80,
    embedding: 8192,
    feedForward: 28_672,
    heads: 64,
    kvHeads: [...Array(49).fill(8), ...Array(31).fill(0)] as [number, ...number[]],
    headLength: 128,
    vocabulary: 128_256,
    embeddingType: 'q8_0',
    untied: true,
  }

  it('may have keys and values in some layers only', () => {
    const architecture = architectureOf(figures, 131_072, 30 * GiB)
    const { parts } = estimateModel(architecture, runtime({ contextLength: 20_224 }))
    expect(parts.find(({ name }) => name === 'kv')!.reserved.host / MiB).toBe(3871)
  })

  it('are refused with a list that is not as long as there are layers', () => {
    const model = { role: 'chat', contextLength: 8192, sizeBytes: 1, figures }
    expect(OwnModel.safeParse(model).success).toBe(true)
    const short = { ...model, figures: { ...figures, kvHeads: [8, 8] } }
    expect(OwnModel.safeParse(short).error?.issues).toMatchObject([
      { path: ['figures', 'kvHeads'], message: expect.stringContaining('one for each') },
    ])
  })
})

describe('two cards of different sizes in one machine', () => {
  const gpus: Gpu[] = [
    { product: 'RTX 4060', memory: 8188 * MiB, resource: 'nvidia.com/gpu', uuid: 'GPU-small' },
    { product: 'RTX 4090', memory: 24_564 * MiB, resource: 'nvidia.com/gpu', uuid: 'GPU-large' },
  ]

  it('are told apart by their UUIDs, so that a container has the one that it was planned on', () => {
    const { workloads } = planStack(stackDemand('gpt-oss:20b'), [machineOf(64, { gpus })])
    const pools = workloads.filter(({ kind }) => kind === 'ollama')
    const devices = gpusOf(pools).map(request => request as { deviceIds: string[] }[])
    const [chat] = devices.filter((_, index) => pools[index]!.models.includes('gpt-oss:20b'))
    expect(chat).toMatchObject([{ deviceIds: ['GPU-large'] }])
  })
})
