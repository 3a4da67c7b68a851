import { describe, expect, it } from 'vitest'
import type { StackPlan } from '../../../infra/capacity/stack-plan.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { GiB } from '../../../infra/units.ts'
import { sizeClaims } from '../../../provision/cluster/claim-sizes.ts'
import type { Cluster } from '../../../provision/cluster/cluster-client.ts'

const CLASSES = [
  { metadata: { name: 'grows' }, allowVolumeExpansion: true },
  { metadata: { name: 'fixed' } },
]

interface There {
  name?: string
  asked?: string
  capacity?: string
  storageClassName?: string
  phase?: string
}

const claim = (there: There) => {
  const { name = 'data-chroma-0', asked = '10Gi', storageClassName = 'grows' } = there
  const { capacity = asked, phase = 'Bound' } = there
  return {
    metadata: { name },
    spec: { storageClassName, resources: { requests: { storage: asked } } },
    status: { phase, ...(phase === 'Bound' && { capacity: { storage: capacity } }) },
  }
}

/** 20 GiB for Chroma, which is 22Gi of a volume, and 5 GiB for a pool. */
const PLAN = {
  workloads: [
    { kind: 'chroma', requests: { disk: 20 * GiB } },
    { kind: 'ollama', pool: 'cpu', requests: { disk: 5 * GiB } },
  ],
} as StackPlan

const sized = (there: There[], storageClass = '') => {
  const settings = parseSettings('test', {
    target: 'kubernetes',
    home: '/nowhere',
    kubernetes: { storageClass, namespace: 'tenants' },
  })
  const cluster = {
    label: 'test',
    core: { listNamespacedPersistentVolumeClaim: async () => ({ items: there.map(claim) }) },
    storage: { listStorageClass: async () => ({ items: CLASSES }) },
  } as unknown as Cluster
  return sizeClaims(settings, PLAN, cluster)
}

describe('claims that are there', () => {
  it.each<[string, There, string]>([
    ['smaller than planned, in a class that grows', { asked: '10Gi' }, '22Gi'],
    ['larger than planned', { asked: '30Gi' }, '30Gi'],
    ['larger than planned, in a form of somebody’s own', { asked: '30G' }, '30G'],
    ['larger than planned, in plain bytes', { asked: '32212254720' }, '32212254720'],
    ['given more than they asked for', { asked: '10Gi', capacity: '25Gi' }, '10Gi'],
    ['smaller, in a class that does not grow', { storageClassName: 'fixed' }, '10Gi'],
    ['smaller, without a volume yet', { phase: 'Pending' }, '10Gi'],
  ])('are asked for what can be had: %s', async (_, there, size) => {
    expect((await sized([there])).claimSizes).toEqual({ 'data-chroma-0': size })
  })

  it('are told of when they stay smaller than planned, with what would help', async () => {
    const { warnings } = await sized([
      { storageClassName: 'fixed' },
      { name: 'data-chroma-1', phase: 'Pending' },
      { name: 'data-ollama-cpu-0' },
    ])
    expect(warnings).toEqual([
      expect.stringMatching(
        /22Gi are planned for the claim data-chroma-0, which stays at 10Gi: .*"fixed".*allowVolume/,
      ),
      expect.stringMatching(/22Gi are planned for the claim data-chroma-1.*no volume yet/),
    ])
  })

  it('of no server of the plan, are not looked at', async () => {
    const others = [
      { name: 'data-ollama-gpu-0' },
      { name: 'data-postgres-0', storageClassName: 'fixed' },
    ]
    expect(await sized(others, 'grows')).toEqual({ claimSizes: {}, warnings: [] })
  })

  it('are not to be of another class: both are named, and the way on', async () => {
    const failure = await sized([{ storageClassName: 'fixed' }], 'grows').catch(error => error)
    expect(failure.exitCode).toBe(2)
    expect(failure.message).toMatch(
      /kubernetes\.storageClass is "grows".*namespace tenants.*data-chroma-0 \("fixed"\)/,
    )
    expect(failure.mend).toMatch(/storageClass to "fixed".*down -- --purge/)
    expect(await sized([{ storageClassName: 'grows' }], 'grows')).toMatchObject({ warnings: [] })
  })

  it('have no data while they have no volume: who wants another class may delete them', async () => {
    const failure = await sized([{ phase: 'Pending' }], 'fixed').catch(error => error)
    expect(failure.mend).toMatch(/^none of them has a volume yet: npm run down -- --purge/)
  })
})
