import { expect, it } from 'vitest'
import { nodesOfCluster } from '../../../infra/capacity/cluster.ts'
import { GiB } from '../../../infra/units.ts'
import { refusalOf } from '../../support/refusal.ts'

const OWN = 'knowledge-stack'

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

const nodesOf = (nodes: object[], pods: object[] = []) =>
  nodesOfCluster({ items: nodes }, { items: pods }, OWN)

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
  expect(free).toMatchObject({ name: 'a', memory: 14 * GiB, disk: 100 * GiB })
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

it('refuses a cluster without nodes, and what is no list of nodes', () => {
  expect(refusalOf(() => nodesOf([])).text).toContain('no node that takes pods')
  const list = refusalOf(() => nodesOfCluster({ kind: 'Pod' }, { items: [] }, OWN))
  expect(list.text).toContain('kubectl get nodes -o json')
})
