import type { V1Node } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { requireHonestLabels } from '../../../provision/cluster/gpu-labels.ts'
import { POOLS } from '../../support/cluster/fleet/pools.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

const node = (
  labels: Record<string, string | number>,
  allocatable: Record<string, string> = { 'nvidia.com/gpu': '1' },
  spec = {},
): V1Node => ({
  metadata: {
    name: 'gpu-1',
    labels: Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [`nvidia.com/gpu.${key}`, `${value}`]),
    ),
  },
  spec,
  status: { allocatable },
})

describe('the labels of GPUs', () => {
  it.each(POOLS.map(({ name, labels, allocatable }) => [name, labels, allocatable] as const))(
    'are believed as the real ones of pool %s carry them',
    (_name, labels, allocatable) => {
      const nodes = [{ metadata: { name: 'node', labels }, status: { allocatable } }]
      expect(() => requireHonestLabels(nodes)).not.toThrow()
    },
  )

  it.each([
    ['more memory than the product has', { product: 'Tesla-T4', memory: 81_559 }, undefined],
    ['memory that is no number', { product: 'NVIDIA-L4', memory: '24GB' }, undefined],
    ['a GPU where none is offered', { product: 'NVIDIA-L4', memory: 23_034, count: 1 }, {}],
  ])('are refused when they say %s', (_what, labels, allocatable) => {
    const refusal = refusalOf(() => requireHonestLabels([node(labels, allocatable)]))
    expect(refusal.message).toMatch(/Node gpu-1 says nvidia\.com\/gpu\.(memory|count)=/)
    expect(refusal.exitCode).toBe(2)
  })

  it('are nobody’s concern on a node that takes no pods, or of a product that nobody knows', () => {
    const lie = { product: 'Tesla-T4', memory: 81_559 }
    expect(() => requireHonestLabels([node(lie, {}, { unschedulable: true })])).not.toThrow()
    const unknown = { product: 'NVIDIA-B300', memory: 288_000 }
    expect(() => requireHonestLabels([node(unknown)])).not.toThrow()
  })
})
