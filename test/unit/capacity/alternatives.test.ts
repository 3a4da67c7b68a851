import { describe, expect, it } from 'vitest'
import type { Node } from '../../../infra/capacity/hardware/hardware.ts'
import { planStack } from '../../../infra/capacity/stack-plan.ts'
import { GiB } from '../../../infra/units.ts'
import { machineOf, modelDemand, stackDemand } from '../../support/stack/demand.ts'

const alternativesOf = (demand: ReturnType<typeof stackDemand>, ...nodes: Node[]) => {
  const { verdict, alternatives } = planStack(demand, nodes)
  expect(verdict).toBe('never fits')
  return alternatives
}

describe('what would fit instead', () => {
  it('is lighter settings before another model, and another model before hardware', () => {
    const alternatives = alternativesOf(stackDemand('llama3.2:3b'), machineOf(4.2))
    const kinds = alternatives.map(({ settings }) =>
      settings.chatModel || settings.embeddingModel
        ? 'model'
        : Object.keys(settings).length > 0
          ? 'settings'
          : 'hardware',
    )
    expect(kinds).toEqual([...kinds].sort((a, b) => RANK.indexOf(a) - RANK.indexOf(b)))
    expect(new Set(kinds)).toEqual(new Set(RANK))
  })

  it('combines a larger model with lighter settings where only smaller ones fit as they are', () => {
    const alternatives = alternativesOf(stackDemand('gpt-oss:20b'), machineOf(3.925))
    const chat = alternatives.flatMap(({ settings }) => (settings.chatModel ? [settings] : []))
    expect(chat.filter(({ kvCacheType }) => kvCacheType === undefined)).toHaveLength(3)
    expect(chat).toContainEqual({
      chatModel: 'llama3.2:3b',
      contextLength: '4096',
      kvCacheType: 'q8_0',
    })
  })

  it('combines a smaller GPU with lighter settings', () => {
    const alternatives = alternativesOf(stackDemand('gpt-oss:20b', 131_072), machineOf(6))
    const gpus = alternatives.filter(({ change }) => change.includes('NVIDIA'))
    expect(gpus.map(({ change }) => change.split(' (')[0])).toEqual([
      'an NVIDIA A10G',
      'an NVIDIA T4',
    ])
    expect(gpus.map(({ settings }) => Object.keys(settings))).toEqual([
      [],
      ['contextLength', 'kvCacheType'],
    ])
  })

  it('says with what context a model was trained when that is less than is wanted', () => {
    const candidates = [modelDemand('llama2:7b', 4096)]
    const { alternatives } = planStack(stackDemand('gpt-oss:20b'), [machineOf(9)], {}, candidates)
    expect(alternatives).toContainEqual({
      change: 'llama2:7b (3.6 GiB) instead of gpt-oss:20b, with the 4096 tokens it was trained for',
      cost: 'weaker answers, to requests of at most 4096 tokens instead of 8192',
      settings: { chatModel: 'llama2:7b', contextLength: '4096' },
    })
  })

  it('is one machine more of a pool that scales, the cheapest first', () => {
    const pool = (name: string, gib: number, monthlyCost: number): Node =>
      machineOf(gib, { name, monthlyCost, template: { max: 1 } })
    const demand = { ...stackDemand('smollm2:135m'), data: { ...stackDemand('smollm2:135m').data } }
    const big = { ...demand, data: { ...demand.data, creators: 900_000, instances: 2 } }
    const further = alternativesOf(big, pool('dear', 6, 90), pool('cheap', 6, 40)).filter(
      ({ change }) => change.includes('further machine'),
    )
    expect(further.map(({ change, cost }) => [change, cost])).toEqual([
      ['a further machine of the pool cheap', '40 a month'],
      ['a further machine of the pool dear', '90 a month'],
    ])
  })

  it('is fewer creators with a smaller model where data and model are too much together', () => {
    const demand = stackDemand('gpt-oss:20b')
    const data = { ...demand.data, creators: 100_000, chunksPerCreator: 10 }
    const [first] = alternativesOf({ ...demand, data }, machineOf(3.925))
    expect(Object.keys(first!.settings)).toEqual(['creators', 'chatModel'])
    const creators = Number(first!.settings.creators)
    const smaller = { ...stackDemand(first!.settings.chatModel!), data: { ...data, creators } }
    expect(planStack(smaller, [machineOf(3.925)]).verdict).not.toBe('never fits')
  })

  it('is more Chroma servers where one is too large for any machine', () => {
    const demand = stackDemand('smollm2:135m')
    const data = { ...demand.data, creators: 600_000 }
    const nodes = [1, 2, 3].map(index => machineOf(6, { name: `node-${index}` }))
    const [first] = alternativesOf({ ...demand, data }, ...nodes)
    expect(first!.settings).toEqual({ instances: '2' })
    expect(planStack({ ...demand, data: { ...data, instances: 2 } }, nodes).verdict).not.toBe(
      'never fits',
    )
  })
})

const RANK = ['settings', 'model', 'hardware']

describe('pools that scale from zero', () => {
  const pool = (name: string, monthlyCost: number, gib = 64): Node =>
    machineOf(gib, { name, monthlyCost, template: { max: 3 } })

  it('are used where that costs least, and the plan says what it costs a month', () => {
    const plan = planStack(stackDemand('smollm2:135m'), [pool('dear', 900), pool('cheap', 100)])
    expect(plan.nodes.map(({ name }) => name)).toEqual(['cheap-1'])
    expect(plan.monthlyCost).toBe(100)
  })

  it('cost nothing where machines that are there have room', () => {
    const plan = planStack(stackDemand('smollm2:135m'), [pool('cheap', 100), machineOf(8)])
    expect(plan.monthlyCost).toBeUndefined()
  })

  it('have as many machines as are needed', () => {
    const demand = stackDemand('smollm2:135m')
    const data = { ...demand.data, instances: 3, creators: 600_000 }
    const plan = planStack({ ...demand, data }, [pool('small', 10, 4)])
    expect(plan.nodes).toHaveLength(3)
    expect(plan.monthlyCost).toBe(30)
  })

  it('may be large', () => {
    const huge = { ...pool('huge', 1), template: { max: 10_000 } }
    expect(planStack(stackDemand('smollm2:135m'), [huge]).verdict).toBe('fits always')
  })
})

it("gives each of a machine's alike GPUs to models of its own", () => {
  const gpu = { product: 'L4', memory: 22 * GiB, resource: 'nvidia.com/gpu' }
  const demand = stackDemand('gpt-oss:20b', 131_072)
  const plan = planStack({ ...demand, parallel: 2 }, [machineOf(64, { gpus: [gpu, gpu] })])
  expect(plan.verdict).toBe('fits always')
  expect(plan.models.map(({ pool }) => pool)).toEqual(['gpu-2', 'gpu-1'])
  expect(plan.nodes[0]!.remaining.gpus).toEqual([])
})
