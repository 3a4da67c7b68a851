import { describe, expect, it } from 'vitest'
import { catalogArchitecture, planStack, StackPlan } from '../../../infra/capacity/stack-plan.ts'
import { describeVerdict, requireFit } from '../../../infra/capacity/verdict/verdict.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import { GiB } from '../../../infra/units.ts'
import { refusalOf } from '../../support/servers/refusal.ts'
import { machineOf, modelDemand, stackDemand } from '../../support/stack/demand.ts'

describe('gpt-oss:20b on a machine with 3.8 GiB available', () => {
  const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(3.8)])

  it('never fits', () => {
    expect(plan.verdict).toBe('never fits')
  })

  it('says how much is needed, how much is free and how much is short', () => {
    expect(describeVerdict(plan)).toBe(
      'ollama-cpu (nomic-embed-text:latest 614 MiB, gpt-oss:20b 14.1 GiB) needs 14.8 GiB of memory, ' +
        'and this machine has 3.1 GiB left for it: 11.7 GiB short.',
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
  const { verdict, alternatives } = planStack(stackDemand('llama3.2:3b'), [machineOf(4.2)])
  expect(verdict).toBe('never fits')
  expect(alternatives.slice(0, 2).map(({ settings }) => settings)).toEqual([
    { kvCacheType: 'q8_0' },
    { contextLength: '4096' },
  ])
})

it('every alternative that changes a setting fits when it is planned', () => {
  const original = stackDemand('llama3.2:3b')
  const { alternatives } = planStack(original, [machineOf(4.2)])
  const changed = alternatives.filter(({ settings }) => Object.keys(settings).length > 0)
  expect(changed.length).toBeGreaterThan(2)
  for (const { settings } of changed) {
    const chat = settings.chatModel ?? 'llama3.2:3b'
    const planned = stackDemand(chat, Number(settings.contextLength ?? 8192))
    const models = settings.embeddingModel
      ? [modelDemand(settings.embeddingModel, 512), ...planned.models.slice(1)]
      : planned.models
    const kvCache = settings.kvCacheType === 'q8_0' ? 'q8_0' : 'f16'
    expect(planStack({ ...planned, models, kvCache }, [machineOf(4.2)]).verdict).toBe('fits always')
  }
})

it('fits the models of the dev stack on a small machine', () => {
  expect(planStack(stackDemand('smollm2:135m', 4096), [machineOf(3.8)]).verdict).toBe('fits always')
})

it('counts what the stack already holds as available to it', () => {
  const tight = [machineOf(0.9)]
  const held = { 'this machine': { memory: 1 * GiB, disk: 0 } }
  expect(planStack(stackDemand('smollm2:135m', 4096), tight).verdict).toBe('never fits')
  expect(planStack(stackDemand('smollm2:135m', 4096), tight, held).verdict).toBe('fits always')
})

it('puts both models on one GPU where they fit together', () => {
  const gpu = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
  const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(8, { gpus: [gpu] })])
  expect(plan.verdict).toBe('fits always')
  expect(plan.models.map(({ pool }) => pool)).toEqual(['gpu', 'gpu'])
})

it('is a document of its own schema', () => {
  const plan = planStack(stackDemand('gpt-oss:20b'), [machineOf(3.8)])
  expect(StackPlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan)
})

it('refuses an empty list of machines', () => {
  expect(refusalOf(() => planStack(stackDemand('smollm2:135m'), [])).text).toContain('--node')
})

it('refuses a model without figures and names the command that gets them', () => {
  const { figures: _, ...unknown } = findModel('llama2:7b')!
  expect(refusalOf(() => catalogArchitecture(unknown)).text).toContain(
    'npm run models -- --write-lock',
  )
})
