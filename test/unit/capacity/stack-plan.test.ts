import { describe, expect, it } from 'vitest'
import type { Node } from '../../../infra/capacity/hardware.ts'
import type { StackDemand } from '../../../infra/capacity/stack.ts'
import {
  catalogArchitecture,
  describeVerdict,
  planStack,
  requireFit,
  StackPlan,
} from '../../../infra/capacity/stack-plan.ts'
import { findModel } from '../../../infra/models.ts'
import { GiB } from '../../../infra/units.ts'
import { refusalOf } from '../../support/refusal.ts'

const model = (name: string, contextLength: number) => {
  const definition = findModel(name)!
  const architecture = catalogArchitecture(definition)
  return { name: definition.name, role: definition.role, architecture, contextLength }
}

const demand = (chat: string, contextLength = 8192): StackDemand => ({
  ollama: '0.17.4',
  parallel: 1,
  kvCache: 'f16',
  models: [model('nomic-embed-text', 2048), model(chat, contextLength)],
  data: {
    creators: 1000,
    chunksPerCreator: 3,
    dimensions: 768,
    metadataBytes: 1000,
    shards: 10,
    instances: 1,
  },
})

const machine = (gib: number, changes: Partial<Node> = {}): Node => ({
  name: 'this machine',
  cpu: 4,
  memory: Math.floor(gib * GiB),
  disk: 100 * GiB,
  gpus: [],
  source: 'memory available now',
  ...changes,
})

describe('gpt-oss:20b on a machine with 3.8 GiB available', () => {
  const plan = planStack(demand('gpt-oss:20b'), [machine(3.8)])

  it('never fits', () => {
    expect(plan.verdict).toBe('never fits')
  })

  it('says how much is needed, how much is free and how much is short', () => {
    expect(describeVerdict(plan)).toMatch(
      /^ollama-cpu \(nomic-embed-text:latest .+, gpt-oss:20b 1\d\.\d GiB\) needs 1\d\.\d GiB of memory where 3\.\d GiB is free on this machine: 1\d\.\d GiB short\.$/,
    )
  })

  it('offers smaller chat models, then a GPU, then memory', () => {
    const changes = plan.alternatives.map(({ change }) => change)
    expect(changes[0]).toContain('instead of gpt-oss:20b')
    expect(changes.findIndex(change => change.includes('NVIDIA'))).toBeGreaterThan(0)
    expect(changes.at(-1)).toContain('memory available')
  })

  it('is refused with exit code 1 and the settings that would make it fit', () => {
    const refusal = refusalOf(() => requireFit(plan))
    expect(refusal.exitCode).toBe(1)
    expect(refusal.mend).toContain('chatModel=')
  })
})

it('offers a q8_0 cache first, then half the context, where the cache is what does not fit', () => {
  const { verdict, alternatives } = planStack(demand('llama3.2:3b'), [machine(3.8)])
  expect(verdict).toBe('never fits')
  expect(alternatives.slice(0, 2).map(({ settings }) => settings)).toEqual([
    { kvCacheType: 'q8_0' },
    { contextLength: '4096' },
  ])
})

it('every alternative that changes a setting fits when it is planned', () => {
  const original = demand('llama3.2:3b')
  const { alternatives } = planStack(original, [machine(3.8)])
  const changed = alternatives.filter(({ settings }) => Object.keys(settings).length > 0)
  expect(changed.length).toBeGreaterThan(2)
  for (const { settings } of changed) {
    const chat = settings.chatModel ?? 'llama3.2:3b'
    const planned = demand(chat, Number(settings.contextLength ?? 8192))
    const models = settings.embeddingModel
      ? [model(settings.embeddingModel, 512), ...planned.models.slice(1)]
      : planned.models
    const kvCache = settings.kvCacheType === 'q8_0' ? 'q8_0' : 'f16'
    expect(planStack({ ...planned, models, kvCache }, [machine(3.8)]).verdict).toBe('fits always')
  }
})

it('fits the models of the dev stack on a small machine', () => {
  expect(planStack(demand('smollm2:135m', 4096), [machine(3.8)]).verdict).toBe('fits always')
})

it('counts what the stack already holds as available to it', () => {
  const tight = [machine(0.9)]
  const held = { 'this machine': { memory: 1 * GiB, disk: 0 } }
  expect(planStack(demand('smollm2:135m', 4096), tight).verdict).toBe('never fits')
  expect(planStack(demand('smollm2:135m', 4096), tight, held).verdict).toBe('fits always')
})

it('puts both models on one GPU where they fit together', () => {
  const gpu = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
  const plan = planStack(demand('gpt-oss:20b'), [machine(8, { gpus: [gpu] })])
  expect(plan.verdict).toBe('fits always')
  expect(plan.models.map(({ pool }) => pool)).toEqual(['gpu', 'gpu'])
})

it('is a document of its own schema', () => {
  const plan = planStack(demand('gpt-oss:20b'), [machine(3.8)])
  expect(StackPlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan)
})

it('refuses an empty list of machines', () => {
  expect(refusalOf(() => planStack(demand('smollm2:135m'), [])).text).toContain('--node')
})

it('refuses a model without figures and names the command that gets them', () => {
  const { figures: _, ...unknown } = findModel('llama2:7b')!
  expect(refusalOf(() => catalogArchitecture(unknown)).text).toContain('npm run models -- --lock')
})
