import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { kubeConfig } from '../../../checks/transport/kube-config.ts'
import type { Failure } from '../../../infra/failure.ts'
import { layoutToDeploy } from '../../../infra/ownership/data-layout.ts'
import { parseSettings, type Settings } from '../../../infra/settings/parse-settings.ts'
import { commandsFor } from '../../../provision/targets/targets.ts'
import { kubeconfigText } from '../../support/cluster/control-plane.ts'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'
import { POOLS } from '../../support/cluster/fleet/pools.ts'
import { freePort } from '../../support/servers/ports.ts'

const STORAGE = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }
/** The API server hears of other rights when it does. */
const SOON = { timeout: 60_000, interval: 100 }
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'

const RBAC = { apiVersion: 'rbac.authorization.k8s.io/v1' }

let fleet: Fleet
let folder: string

const settingsWith = (kubernetes: object = {}, more: object = {}) =>
  parseSettings('prod', { target: 'kubernetes', kubernetes, ...more })

const preflight = async (settings: Settings) => {
  const target = await commandsFor(settings)
  await target.preflight(settings)
  layoutToDeploy(settings, [await target.dataLayout(settings)])
}

const refusal = (kubernetes?: object, more?: object): Promise<Failure> =>
  preflight(settingsWith(kubernetes, more)).then(
    () => Promise.reject(new Error('nothing was refused')),
    failure => failure,
  )

/** Has commands talk to another server, or as another user. */
async function use(change: { server?: string; token?: string }) {
  const { server } = fleet.config.getCurrentCluster()!
  const text = kubeconfigText(change.server ?? server, fleet.authority, change.token ?? fleet.token)
  const file = join(folder, 'kubeconfig.yaml')
  await writeFile(file, text)
  vi.stubEnv('KUBECONFIG', file)
}

/** A user who may do nothing yet. @returns what they are known by */
async function tokenOf(name: string): Promise<string> {
  const metadata = { name, namespace: 'default' }
  await fleet.api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata })
  const { status } = (await fleet.api.request(
    'POST',
    `/api/v1/namespaces/default/serviceaccounts/${name}/token`,
    { type: 'application/json', content: { spec: {} } },
  )) as { status: { token: string } }
  return status.token
}

/** Gives a user rights: in the namespace `default`, or in the cluster. @returns the role */
async function give(name: string, kind: 'Role' | 'ClusterRole', rules: object[]) {
  const metadata = { name, ...(kind === 'Role' && { namespace: 'default' }) }
  const role = { ...RBAC, kind, metadata }
  await fleet.api.create({ ...role, rules })
  await fleet.api.create({
    ...RBAC,
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
  })
  return role
}

beforeAll(async () => {
  fleet = await startFleet(POOLS)
  folder = await mkdtemp(join(tmpdir(), 'fleet-preflight-'))
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  await fleet?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true })
})

describe('before a stack is deployed to a cluster', () => {
  it('nothing is refused where all is well', async () => {
    await use({})
    await preflight(settingsWith())
    await preflight(settingsWith({ context: 'test', storageClass: 'kwok-volume' }))
  })

  it('a context that the kubeconfig does not have is named, with those it has', async () => {
    await use({})
    const failure = await refusal({ context: 'production' })
    expect(failure.exitCode).toBe(2)
    expect(failure.message).toMatch(/kubernetes\.context is "production"; the kubeconfig has test$/)
  })

  it('a kubeconfig without a cluster is said to be one', async () => {
    vi.stubEnv('KUBECONFIG', join(folder, 'empty.yaml'))
    await writeFile(join(folder, 'empty.yaml'), 'apiVersion: v1\nkind: Config\n')
    await expect(kubeConfig()).rejects.toThrow(/no cluster for its context/)
  })

  it('a cluster that does not answer is named with its address', async () => {
    const server = `https://127.0.0.1:${await freePort()}`
    await use({ server })
    const failure = await refusal()
    expect(failure.exitCode).toBe(3)
    expect(failure.message).toContain(server)
  })

  it('rights that are missing are listed', async () => {
    await use({ token: await tokenOf('somebody') })
    const failure = await refusal()
    expect(failure.exitCode).toBe(2)
    expect(failure.message).toMatch(/you may not, in namespace knowledge-stack-prod: /)
    expect(failure.message).toMatch(/create namespaces.*create statefulsets.*get pods\/log/)
  })

  it('a namespace that is shared wants no rights beyond it, but to look and to list', async () => {
    const shared = { namespace: 'default', sharedNamespace: true }
    const token = await tokenOf('member')
    await give('member', 'ClusterRole', [
      { apiGroups: [''], resources: ['nodes'], verbs: ['list'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['list'] },
    ])
    const role = await give('member', 'Role', [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    ])
    await use({ token })
    await preflight(settingsWith(shared))
    expect((await refusal({ namespace: 'default' })).message).toMatch(/: create namespaces$/)
    const verbs = ['get', 'create', 'patch', 'delete']
    await fleet.api.patch(role, { rules: [{ apiGroups: ['*'], resources: ['*'], verbs }] })
    await vi.waitFor(async () => {
      expect((await refusal(shared)).message).toMatch(/: list statefulsets, .*list ingresses/)
    }, SOON)
  })

  it('a storage class that is not there is named, with those that are', async () => {
    await use({})
    const failure = await refusal({ storageClass: 'fast' })
    expect(failure.message).toMatch(/storageClass is "fast"; the cluster has kwok-volume/)
  })

  it('a cluster without a default storage class is refused, unless one is chosen', async () => {
    await use({})
    const chosen = { ...STORAGE, metadata: { name: 'kwok-volume' } }
    const makeDefault = (value: string) =>
      fleet.api.patch(chosen, { metadata: { annotations: { [DEFAULT_CLASS]: value } } })
    await makeDefault('false')
    try {
      expect((await refusal()).message).toMatch(/no default storage class; it has kwok-volume/)
      await preflight(settingsWith({ storageClass: 'kwok-volume' }))
    } finally {
      await makeDefault('true')
    }
  })

  it('a namespace that is being deleted is named', async () => {
    await use({})
    const namespace = 'knowledge-stack-going'
    const metadata = { name: 'held', namespace, finalizers: ['test/held'] }
    const going = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }
    await fleet.api.create(going)
    // It waits for what is in it.
    await fleet.api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata })
    await fleet.api.delete(going)
    const failure = await refusal({ namespace })
    expect(failure.exitCode).toBe(3)
    expect(failure.message).toMatch(/namespace knowledge-stack-going is being deleted/)
  })

  it('a GPU label that lies is named with its node', async () => {
    await use({})
    const [node] = await fleet.api.list(
      'v1',
      'Node',
      '?labelSelector=nvidia.com/gpu.product=Tesla-T4',
    )
    const label = (memory: string) =>
      fleet.api.patch(node!, { metadata: { labels: { 'nvidia.com/gpu.memory': memory } } })
    await label('81559')
    try {
      const failure = await refusal()
      expect(failure.message).toContain(
        `Node ${node!.metadata.name} says nvidia.com/gpu.memory=81559`,
      )
    } finally {
      await label('15360')
    }
  })

  it('another layout than that of the data is refused', async () => {
    await use({})
    const namespace = 'knowledge-stack-laid-out'
    await fleet.api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    await fleet.api.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'layout', namespace },
      data: { shards: '10', instances: '2' },
    })
    await preflight(settingsWith({ namespace }, { instances: 2 }))
    const failure = await refusal({ namespace }, { instances: 1 })
    expect(failure.message).toMatch(/instances is 1, but the data of stack prod was laid out for 2/)
  })
})
