import { describe, expect, it } from 'vitest'
import { nodesOfCluster, type Tenancy } from '../../../../infra/capacity/hardware/cluster-nodes.ts'
import { GiB } from '../../../../infra/units.ts'
import { refusalOf } from '../../../support/servers/refusal.ts'

const OWN = 'knowledge-stack'
const TENANCY: Tenancy = {
  namespace: OWN,
  gpu: {
    products: [],
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
  },
}

const node = (name: string, allocatable: object, labels = {}, spec = {}) => ({
  metadata: { name, labels },
  spec,
  status: {
    allocatable: { cpu: '4', memory: '16Gi', 'ephemeral-storage': '100Gi', ...allocatable },
  },
})

const pod = (nodeName: string, requests: object, namespace = 'other', phase = 'Running') => ({
  metadata: { namespace },
  spec: { nodeName, containers: [{ resources: { requests } }, { resources: {} }] },
  status: { phase },
})

const nodesOf = (nodes: object[], pods: object[] = [], gpu: Partial<Tenancy['gpu']> = {}) =>
  nodesOfCluster({ items: nodes }, { items: pods }, { ...TENANCY, gpu: { ...TENANCY.gpu, ...gpu } })

it('has what is allocatable less what pods of others request', () => {
  const [free] = nodesOf(
    [node('a', { cpu: '3920m', memory: `${16 * 1024 * 1024}Ki` })],
    [
      pod('a', { cpu: '500m', memory: '2Gi' }),
      pod('a', { memory: '4Gi' }, OWN),
      pod('a', { memory: '4Gi' }, 'other', 'Succeeded'),
      pod('b', { memory: '4Gi' }),
    ],
  )
  expect(free).toMatchObject({ name: 'a', memory: 14 * GiB })
  expect(free!.cpu).toBeCloseTo(3.42)
})

it('reads GPUs from the labels of GPU feature discovery', () => {
  const labels = { 'nvidia.com/gpu.product': 'NVIDIA-L4', 'nvidia.com/gpu.memory': '23034' }
  const [free] = nodesOf(
    [node('a', { 'nvidia.com/gpu': '2' }, labels)],
    [pod('a', { 'nvidia.com/gpu': '1' })],
  )
  expect(free!.gpus).toMatchObject([{ product: 'NVIDIA-L4', resource: 'nvidia.com/gpu' }])
  expect(free!.gpus[0]!.memory / GiB).toBeCloseTo(22.35, 1)
})

it('takes the shares of a time-sliced GPU for one, since they share its memory', () => {
  const labels = { 'nvidia.com/gpu.memory': '15360', 'nvidia.com/gpu.replicas': '4' }
  expect(nodesOf([node('a', { 'nvidia.com/gpu': '4' }, labels)])[0]!.gpus).toHaveLength(1)
})

it('reads MIG slices as GPUs of their own', () => {
  const labels = { 'nvidia.com/gpu.memory': '40960' }
  const [free] = nodesOf([
    node('a', { 'nvidia.com/mig-1g.5gb': '7', 'nvidia.com/gpu': '0' }, labels),
  ])
  expect(free!.gpus).toHaveLength(7)
  expect(free!.gpus[0]).toMatchObject({ resource: 'nvidia.com/mig-1g.5gb' })
})

it('leaves out nodes that take no pods', () => {
  const nodes = nodesOf([node('a', {}), node('b', {}, {}, { unschedulable: true })])
  expect(nodes.map(({ name }) => name)).toEqual(['a'])
})

it('leaves the disk to the storage class', () => {
  expect(nodesOf([node('a', {})])[0]!.disk).toBeUndefined()
})

describe('taints', () => {
  const tainted = (key: string, effect = 'NoSchedule') =>
    node('tainted', {}, {}, { taints: [{ key, effect }] })

  it("keep all but pods with GPUs off nodes with NVIDIA's", () => {
    const [gpuNode] = nodesOf([tainted('nvidia.com/gpu')])
    expect(gpuNode!.gpuOnly).toBe(true)
  })

  it.each(['node-role.kubernetes.io/control-plane', 'node.kubernetes.io/not-ready'])(
    'keep everything off nodes with %s',
    key => {
      expect(nodesOf([node('a', {}), tainted(key)]).map(({ name }) => name)).toEqual(['a'])
    },
  )

  it('that are a mere preference keep nothing off', () => {
    expect(nodesOf([tainted('busy', 'PreferNoSchedule')])[0]!.gpuOnly).toBeUndefined()
  })
})

it('counts a pod as the scheduler does: side-cars, the hungriest start, what its runtime takes', () => {
  const container = (memory: string, more = {}) => ({
    resources: { requests: { memory } },
    ...more,
  })
  const others = {
    metadata: { namespace: 'other' },
    spec: {
      nodeName: 'a',
      initContainers: [container('1Gi', { restartPolicy: 'Always' }), container('5Gi')],
      containers: [container('2Gi')],
      overhead: { memory: '1Gi' },
    },
  }
  expect(nodesOf([node('a', {})], [others])[0]!.memory).toBe((16 - 1 - 5 - 1) * GiB)
})

it('leaves out GPUs that the stack may not use', () => {
  const labels = { 'nvidia.com/gpu.product': 'NVIDIA-L4', 'nvidia.com/gpu.memory': '23034' }
  const l4 = node('a', { 'nvidia.com/gpu': '1' }, labels)
  expect(nodesOf([l4], [], { products: ['NVIDIA-H100'] })[0]!.gpus).toEqual([])
  expect(nodesOf([l4], [], { products: ['NVIDIA-L4'] })[0]!.gpus).toHaveLength(1)
})

it('leaves out a node that is full', () => {
  expect(nodesOf([node('a', {}), node('b', {})], [pod('a', { memory: '16Gi' })])).toHaveLength(1)
})

it('refuses a cluster without nodes, and what is not a list of nodes', () => {
  expect(refusalOf(() => nodesOf([])).text).toContain('no node that takes pods')
  const list = refusalOf(() => nodesOfCluster({ kind: 'Pod' }, { items: [] }, TENANCY))
  expect(list.text).toContain('kubectl get nodes -o json')
})
