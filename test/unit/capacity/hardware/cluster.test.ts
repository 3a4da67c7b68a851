import { describe, expect, it } from 'vitest'
import { nodesOfCluster, type Tenancy } from '../../../../infra/capacity/hardware/cluster-nodes.ts'
import type { Node } from '../../../../infra/capacity/hardware/hardware.ts'
import { GiB, MiB } from '../../../../infra/units.ts'
import { refusalOf } from '../../../support/servers/refusal.ts'

const OWN = 'knowledge-stack'
const TENANCY: Tenancy = {
  namespace: OWN,
  architectures: ['amd64', 'arm64'],
  gpu: {
    products: [],
    memory: '',
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
  },
}

const node = (name: string, allocatable: object, labels = {}, spec = {}) => ({
  metadata: {
    name,
    labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', ...labels },
  },
  spec,
  status: {
    allocatable: {
      cpu: '4',
      memory: '16Gi',
      'ephemeral-storage': '100Gi',
      pods: '110',
      ...allocatable,
    },
    conditions: [{ type: 'Ready', status: 'True' }],
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

const closedOf = (nodes: readonly Node[]) =>
  nodes.flatMap(({ name, closed }) => (closed === undefined ? [] : `${name} ${closed}`))
const open = (nodes: readonly Node[]) =>
  nodes.filter(({ closed }) => closed === undefined).map(({ name }) => name)

describe('GPUs', () => {
  const of = (allocatable: object, labels: object, pods: object[] = []) => {
    const [found] = nodesOf([node('a', allocatable, labels)], pods)
    return { gpus: found!.gpus, notPlanned: found!.notPlanned?.join() ?? '' }
  }
  const label = (values: Record<string, string>, kind = 'gpu') =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [`nvidia.com/${kind}.${key}`, value]),
    )
  const L4 = label({ product: 'NVIDIA-L4', memory: '23034', count: '1' })
  const turns = { ...L4, ...label({ replicas: '4', 'sharing-strategy': 'time-slicing' }) }

  it('that are time-sliced are one turn, whoever has the cards, and none where others have turns', () => {
    const alone = of({ 'nvidia.com/gpu': '8' }, turns)
    expect(alone.gpus).toMatchObject([{ part: 'time-share', resource: 'nvidia.com/gpu' }])
    expect(alone.gpus[0]!.memory / GiB).toBeCloseTo(22.35, 1)
    const beside = of({ 'nvidia.com/gpu': '8' }, turns, [pod('a', { 'nvidia.com/gpu': '1' })])
    expect(beside).toEqual({ gpus: [], notPlanned: expect.stringContaining('other pods have') })
  })

  it('that are shared, without a word how, are passed over', () => {
    const { gpus, notPlanned } = of(
      { 'nvidia.com/gpu': '4' },
      { ...L4, ...label({ replicas: '4' }) },
    )
    expect(gpus).toEqual([])
    expect(notPlanned).toContain('nvidia.com/gpu.sharing-strategy')
  })

  it('that MPS divides have a part of the memory each, under whichever name', () => {
    const labels = { ...L4, ...label({ replicas: '4', 'sharing-strategy': 'mps' }) }
    for (const resource of ['nvidia.com/gpu', 'nvidia.com/gpu.shared']) {
      const { gpus } = of({ [resource]: '4' }, labels)
      expect(gpus).toHaveLength(4)
      expect(gpus[0]).toMatchObject({ part: 'mps-share', shares: 4, resource })
      expect(gpus[0]!.memory / GiB).toBeCloseTo(22.35 / 4, 1)
    }
  })

  it('that are MIG slices are GPUs of their own, with the memory that their label says', () => {
    const labels = { ...L4, ...label({ memory: '4864', count: '7' }, 'mig-1g.5gb') }
    const { gpus } = of({ 'nvidia.com/mig-1g.5gb': '7', 'nvidia.com/gpu': '0' }, labels)
    expect(gpus).toHaveLength(7)
    expect(gpus[0]).toMatchObject({ resource: 'nvidia.com/mig-1g.5gb', part: 'slice' })
    expect(gpus[0]!.memory / MiB).toBeCloseTo(4864 * 0.9935, 0)
    // By its name it has less than the 5 GiB in it.
    expect(of({ 'nvidia.com/mig-1g.5gb': '1' }, {}).gpus[0]!.memory).toBeLessThan(4864 * MiB)
  })

  it('that are slices shared in turns are one turn, under the name that they are renamed to too', () => {
    const labels = {
      ...L4,
      ...label({ memory: '4864', replicas: '2', 'sharing-strategy': 'time-slicing' }, 'mig-1g.5gb'),
    }
    for (const resource of ['nvidia.com/mig-1g.5gb', 'nvidia.com/mig-1g.5gb.shared']) {
      const { gpus } = of({ [resource]: '14' }, labels)
      expect(gpus).toMatchObject([{ part: 'time-share', resource }])
      expect(gpus[0]!.memory / MiB).toBeCloseTo(4864 * 0.9935, 0)
    }
    expect(of({ 'nvidia.com/mig-1g.10gb.me': '1' }, L4).gpus).toMatchObject([{ part: 'slice' }])
  })

  it('of the single strategy are slices too, as their labels say', () => {
    const labels = { ...L4, ...label({ memory: '19968', 'slices.gi': '3' }) }
    expect(of({ 'nvidia.com/gpu': '2' }, labels).gpus).toMatchObject([
      { part: 'slice' },
      { part: 'slice' },
    ])
  })

  it.each([
    ['all cut', 2, '2', { 'nvidia.com/mig-1g.10gb': '6', 'nvidia.com/mig-2g.20gb': '4' }, 0],
    ['two of four cut', 2, '4', { 'nvidia.com/mig-1g.10gb': '14' }, 2],
    ['none cut', 2, '2', {}, 2],
  ])('that are whole are counted beside slices: %s', (_, amount, count, slices, whole) => {
    const { gpus } = of(
      { 'nvidia.com/gpu': `${amount}`, ...slices },
      { ...L4, ...label({ count }) },
    )
    expect(gpus.filter(({ part }) => part === undefined)).toHaveLength(whole)
  })

  it('whose label is in bytes, as it once was, have so many', () => {
    const { gpus } = of({ 'nvidia.com/gpu': '1' }, { ...L4, ...label({ memory: '16106127360' }) })
    expect(gpus[0]!.memory / MiB).toBeCloseTo(15_360 * 0.9935, 0)
  })

  it('whose labels say no memory are passed over, or have that of the settings', () => {
    const bare = { 'cloud.google.com/gke-accelerator': 'nvidia-l4' }
    expect(of({ 'nvidia.com/gpu': '1' }, bare)).toEqual({
      gpus: [],
      notPlanned: expect.stringMatching(/nvidia\.com\/gpu\.memory.*kubernetes\.gpu\.memory/),
    })
    const [set] = nodesOf([node('a', { 'nvidia.com/gpu': '1' }, bare)], [], { memory: '23034MiB' })
    expect(set!.gpus).toMatchObject([{ unlabelled: true, resource: 'nvidia.com/gpu' }])
  })

  it.each(['amd.com/gpu', 'gpu.intel.com/i915', 'habana.ai/gaudi', 'aws.amazon.com/neuron'])(
    'of other makers are named: %s',
    resource => {
      expect(of({ [resource]: '2' }, {})).toEqual({
        gpus: [],
        notPlanned: `2 ${resource}: only NVIDIA's GPUs are planned with`,
      })
    },
  )

  it('under a name of the cluster’s own, or handed out by claims, are passed over', () => {
    expect(of({ 'nvidia.com/a100': '2' }, L4).notPlanned).toContain("a name of the cluster's own")
    const claiming = pod('a', {})
    const claims = { ...claiming, spec: { ...claiming.spec, resourceClaims: [{ name: 'gpu' }] } }
    expect(of({ 'nvidia.com/gpu': '2' }, L4, [claims])).toEqual({
      gpus: [],
      notPlanned: expect.stringContaining('resource claims'),
    })
  })
})

it.each([
  ['is cordoned', node('b', {}, {}, { unschedulable: true })],
  ['runs windows', node('b', {}, { 'kubernetes.io/os': 'windows' })],
  ['is s390x', node('b', {}, { 'kubernetes.io/arch': 's390x' })],
  ['is not ready', withReady(node('b', {}), 'Unknown')],
  ['has the taint batch', node('b', {}, {}, { taints: [{ key: 'batch', effect: 'NoExecute' }] })],
])('passes over a node that %s, and says so', (why, other) => {
  const nodes = nodesOf([node('a', {}), other])
  expect(open(nodes)).toEqual(['a'])
  expect(closedOf(nodes)).toEqual([expect.stringContaining(`b ${why}`)])
})

function withReady(of: ReturnType<typeof node>, status: string) {
  return { ...of, status: { ...of.status, conditions: [{ type: 'Ready', status }] } }
}

it('counts the pods that a node takes, and those that are there', () => {
  const pods = [pod('a', {}), pod('a', {}), pod('a', {}, OWN), pod('a', {}, 'other', 'Failed')]
  expect(nodesOf([node('a', { pods: '8' })], pods)[0]!.pods).toBe(6)
})

it.each([
  ['1288490188800m', 1_288_490_189],
  ['129e6', 129_000_000],
  ['1.5Gi', 1.5 * GiB],
  ['64Mi', 64 * MiB],
  ['123456789', 123_456_789],
  ['0', 0],
])('reads a quantity as Kubernetes does: %s', (memory, bytes) => {
  const [free] = nodesOf([node('a', { memory: '64Gi' })], [pod('a', { memory })])
  expect(free!.memory).toBe(64 * GiB - bytes)
})

it('names the quantity that it cannot read, and whose it is', () => {
  const { text, exitCode } = refusalOf(() => nodesOf([node('a', { memory: '12parsecs' })]))
  expect(text).toContain('memory of node a is "12parsecs"')
  expect(exitCode).toBe(2)
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
      expect(open(nodesOf([node('a', {}), tainted(key)]))).toEqual(['a'])
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

it('counts what is asked for a pod as a whole, and what a resized container has', () => {
  const whole = pod('a', { memory: '1Gi' })
  const asWhole = {
    ...whole,
    spec: { ...whole.spec, resources: { requests: { memory: '5Gi' } } },
  }
  expect(nodesOf([node('a', {})], [asWhole])[0]!.memory).toBe(11 * GiB)
  const resized = {
    metadata: { namespace: 'other' },
    spec: {
      nodeName: 'a',
      containers: [{ name: 'main', resources: { requests: { memory: '1Gi' } } }],
    },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'main', allocatedResources: { memory: '3Gi' } }],
    },
  }
  expect(nodesOf([node('a', {})], [resized])[0]!.memory).toBe(13 * GiB)
})

it('has nothing free on a node that is full', () => {
  const [full] = nodesOf([node('a', {})], [pod('a', { memory: '17Gi', cpu: '5' })])
  expect(full).toMatchObject({ cpu: 0, memory: 0 })
})

it('refuses what is not a list of nodes', () => {
  const list = refusalOf(() => nodesOfCluster({ kind: 'Pod' }, { items: [] }, TENANCY))
  expect(list.text).toContain('kubectl get nodes -o json')
})
