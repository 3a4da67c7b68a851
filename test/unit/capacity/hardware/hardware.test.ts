import { describe, expect, it } from 'vitest'
import { parseNode } from '../../../../infra/capacity/hardware/hardware.ts'
import { GiB, MiB } from '../../../../infra/units.ts'
import { refusalOf } from '../../../support/servers/refusal.ts'

describe('--node', () => {
  it('describes a machine', () => {
    expect(parseNode('name=big,memory=64GiB,cpu=16,disk=500GiB,cost=700', 0)).toEqual({
      name: 'big',
      cpu: 16,
      memory: 64 * GiB,
      disk: 500 * GiB,
      gpus: [],
      source: '--node',
      monthlyCost: 700,
    })
  })

  it('is named by its place where it has no name', () => {
    expect(parseNode('memory=1GiB', 2).name).toBe('node-3')
  })

  it('knows GPUs by product, and takes a reserve off what NVML reports', () => {
    const { gpus } = parseNode('memory=64GiB,gpu=2xL40S', 0)
    expect(gpus).toHaveLength(2)
    expect(gpus[0]!.memory).toBeLessThan(46_068 * MiB)
    expect(gpus[0]!.memory).toBeGreaterThan(45_000 * MiB)
  })

  it.each([
    ['4090', 'RTX 4090'],
    ['NVIDIA GeForce RTX-5090', 'RTX 5090'],
    ['a100 80gb', 'A100 80GB'],
    ['MI300X', 'MI300X'],
  ])('knows a product as people write it: %s', (text, product) => {
    expect(parseNode(`memory=64GiB,gpu=${text}`, 0).gpus).toMatchObject([{ product }])
  })

  it.each([
    ['L40', 'L40S'],
    ['A100', 'A100 40GB'],
    ['H20', 'H200'],
    ['RTX 4O90', 'RTX 4090'],
    ['MI300', 'MI300X'],
  ])('says which product is likely to be meant by %s', (text, product) => {
    const refusal = refusalOf(() => parseNode(`memory=64GiB,gpu=${text}`, 0))
    expect(refusal.text).toContain(`did you mean ${product}?`)
  })

  it('may cost in a currency', () => {
    expect(parseNode('memory=1GiB,cost=700EUR', 0)).toMatchObject({
      monthlyCost: 700,
      currency: 'EUR',
    })
  })

  it('takes a GPU by its memory', () => {
    expect(parseNode('memory=64GiB,gpu=48GiB', 0).gpus[0]!.memory).toBeLessThan(48 * GiB)
  })

  it('is a pool that scales from zero with max', () => {
    expect(parseNode('memory=64GiB,max=3', 0).template).toEqual({ max: 3 })
  })

  it('keeps GB and GiB apart', () => {
    expect(parseNode('memory=64GB', 0).memory).toBe(64e9)
  })

  it.each([
    ['memory=64', '24GiB'],
    ['memory=64gib', '24GiB'],
    ['memory=-1GiB', '"-1GiB"'],
    ['memory=0GiB', 'above 0'],
    ['cpu=4', 'says no memory'],
    ['memory=1GiB,ram=2GiB', 'ram=2GiB'],
    ['memory=1GiB,gpu=L4000', 'L40S'],
    ['memory=1GiB,cpu=many', '"many"'],
    ['memory=1GiB,max=1.5', 'whole number'],
    ['memory', '"memory"'],
  ])('refuses %s and says what is allowed', (text, message) => {
    const refusal = refusalOf(() => parseNode(text, 0))
    expect(refusal.exitCode).toBe(2)
    expect(refusal.text).toContain(message)
  })
})
