import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roomOf, take } from '../../../infra/capacity/placement.ts'
import type { StackPlan } from '../../../infra/capacity/stack-plan.ts'
import { OBJECT_OWNER_LABEL, PART_OF } from '../../../infra/kubernetes/kubernetes-names.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import type { KubeObject } from '../../support/cluster/api.ts'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'
import { POOLS } from '../../support/cluster/fleet/pools.ts'
import { waitFor } from '../../support/cluster/wait.ts'
import { clusterStack } from '../../support/kubernetes/cluster-stack.ts'
import { type PlainStack, plainStack } from '../../support/stack/plain-stack.ts'
import { previousVersion } from '../../support/stack/previous-version.ts'
import { providerFolder } from '../../support/stack/providers.ts'

const QUIET = { expectNoChanges: true }
const NAMESPACE = 'tenants'
/** Without the Job that verifies: no pod runs here that could be verified. */
const ON_FLEET = { namespace: NAMESPACE, verification: false }
const SETTINGS = {
  target: 'kubernetes',
  embeddingModel: 'nomic-embed-text',
  chatModel: 'gpt-oss:20b',
  contextLength: 8192,
  instances: 2,
  kubernetes: ON_FLEET,
}

/** Kinds of what carries the stack's owner. */
const OWNED = [
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'Deployment'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['v1', 'Service'],
  ['v1', 'Secret'],
  ['v1', 'ConfigMap'],
  ['v1', 'PersistentVolumeClaim'],
] as const

describe('the production stack under plain Pulumi, on a simulated fleet', () => {
  let fleet: Fleet
  let plain: PlainStack

  beforeAll(async () => {
    fleet = await startFleet(POOLS)
    plain = await plainStack({ KUBECONFIG: fleet.kubeconfig }, [providerFolder('kubernetes')])
    await plain.configure(SETTINGS)
    await plain.use(await previousVersion())
    await plain.stack.up()
    await plain.use(PROJECT_ROOT)
  })
  afterAll(async () => {
    await fleet?.stop()
    await plain?.forget()
  })

  const own = async (apiVersion: string, kind: string): Promise<KubeObject[]> =>
    (await fleet.api.list(apiVersion, kind)).filter(
      ({ metadata }) => metadata.namespace === NAMESPACE,
    )
  const namespace = () =>
    fleet.api.read({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
  const uids = (objects: readonly KubeObject[]) =>
    Object.fromEntries(objects.map(({ metadata }) => [metadata.name, metadata.uid as string]))
  const claims = async () => uids(await own('v1', 'PersistentVolumeClaim'))

  it('takes over what the version before deployed: all of it gets an owner, and no set, claim or namespace is replaced', async () => {
    const [pool] = (await own('apps/v1', 'StatefulSet')).filter(
      ({ metadata }) => metadata.name !== 'chroma',
    )
    const isOfPool = ({ metadata }: KubeObject) => metadata.name.includes(`${pool!.metadata.name}-`)
    const countOf = async (kind: string) => (await own('v1', kind)).filter(isOfPool).length
    // As an autoscaler may have done: the claim of the new pod is from a template that names no owner, for good.
    await fleet.api.patch(pool!, { spec: { replicas: 2 } })
    await waitFor('its claim', async () => (await countOf('PersistentVolumeClaim')) === 2)
    await fleet.api.patch(pool!, { spec: { replicas: 1 } })
    await waitFor('its end', async () => (await countOf('Pod')) === 1)
    const kept = async () => ({
      namespace: (await namespace())!.metadata.uid,
      claims: await claims(),
      sets: uids(await own('apps/v1', 'StatefulSet')),
    })
    const before = await kept()

    await plain.stack.up()
    expect(await kept()).toEqual(before)
    const owned = (await Promise.all(OWNED.map(([version, kind]) => own(version, kind)))).flat()
    const owners = [(await namespace())!, ...owned]
      .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
      .map(({ kind, metadata }) => [
        `${kind}/${metadata.name}`,
        metadata.labels?.[OBJECT_OWNER_LABEL],
      ])
    const [[, owner]] = owners as [[string, string]]
    expect(owner).toMatch(/^[0-9a-f-]{36}$/)
    expect(owners.filter(([, label]) => label !== owner)).toEqual([
      [`PersistentVolumeClaim/data-${pool!.metadata.name}-1`, undefined],
    ])
    const layout = (await own('v1', 'ConfigMap')).find(({ metadata }) => metadata.name === 'layout')
    expect(layout?.data).toMatchObject({ shards: '10', embeddingModel: 'nomic-embed-text:latest' })
  })

  it('has every pod bound by the scheduler, to a node that the plan named as possible', async () => {
    const scripts = await clusterStack(fleet.kubeconfig, SETTINGS)
    const { document } = await scripts.json('plan', '--cluster')
    await scripts.end()
    const { workloads, nodes } = document as StackPlan
    const pods = await own('v1', 'Pod')
    expect(pods).toHaveLength(workloads.length)
    for (const { metadata, spec } of pods) {
      const workload = workloads.find(({ name }) => metadata.name.startsWith(name))!
      const possible = nodes.filter(node => take(roomOf(node), workload) !== undefined)
      expect(possible.map(({ name }) => name)).toContain(spec.nodeName)
    }
  })

  it('changes nothing in a second update, which looks for drift, and has none', async () => {
    await plain.stack.up({ ...QUIET, refresh: true })
  })

  it('is told at a preview that behind an Ingress all are one address; ranges are as the API server takes them', async () => {
    const ingress = { host: 'knowledge.example.org', tlsSecret: 'certificate' }
    const ranges = { pullFrom: ['10.20.0.0/16', 'fc00::/7'], clusterRanges: ['2001:db8::/48'] }
    await plain.configure({ kubernetes: { ...ON_FLEET, ingress, ...ranges } })
    const { stdout, changeSummary } = await plain.stack.preview()
    expect(stdout).toMatch(/warning.*kubernetes\.ingress is set and knowledge-stack:apiProxies/i)
    expect(changeSummary).toMatchObject({ create: 1 })
    await plain.configure({ kubernetes: ON_FLEET })
  })

  it('is seen to have drifted while somebody has it scaled by hand', async () => {
    const [api] = await own('apps/v1', 'Deployment')
    await fleet.api.patch(api!, { spec: { replicas: 5 } })
    await expect(plain.stack.preview({ ...QUIET, refresh: true })).rejects.toThrow()
    await fleet.api.patch(api!, { spec: { replicas: api!.spec.replicas } })
  })

  it('keeps its claims through changes: a larger volume, another image, another Service, a model for another kind of machine', async () => {
    const before = await claims()
    await plain.configure({
      creators: 300_000,
      images: { front: 'nginxinc/nginx-unprivileged:1.29.0' },
      apiPort: 8104,
      chatModel: 'llama3.2:1b',
    })
    await plain.stack.up()
    expect(await claims()).toMatchObject(before)
  })

  const sizes = async () =>
    Object.fromEntries(
      (await own('v1', 'PersistentVolumeClaim')).map(({ metadata, spec }) => [
        metadata.name,
        spec.resources.requests.storage,
      ]),
    )
  const CLASS = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'kwok-volume' },
  }

  it('asks none of its claims to shrink when fewer creators are configured, and has not drifted after all', async () => {
    const before = await sizes()
    await plain.configure({ creators: 1000 })
    await plain.stack.up()
    expect(await sizes()).toEqual(before)
    await plain.stack.preview({ ...QUIET, refresh: true })
  })

  it('leaves claims as they are that their class does not let grow, and says so', async () => {
    const before = await sizes()
    await fleet.api.patch(CLASS, { allowVolumeExpansion: false })
    await plain.configure({ creators: 600_000 })
    const { stdout } = await plain.stack.up()
    expect(stdout).toMatch(/planned for the claim data-chroma-0, which stays at \d+Gi.*kwok-volume/)
    expect(await sizes()).toEqual(before)
    await fleet.api.patch(CLASS, { allowVolumeExpansion: true })
    await plain.stack.up()
    expect(parseInt((await sizes())['data-chroma-0'], 10)).toBeGreaterThan(
      parseInt(before['data-chroma-0'], 10),
    )
    await plain.configure({ creators: 100_000 })
  })

  it('refuses another class over its claims before anything is changed, and takes theirs by its name', async () => {
    await fleet.api.create({
      ...CLASS,
      metadata: { name: 'fast' },
      provisioner: 'kwok.x-k8s.io/volume',
    })
    await plain.configure({ kubernetes: { ...ON_FLEET, storageClass: 'fast' } })
    await expect(plain.stack.preview()).rejects.toThrow(
      /storageClass is "fast".*data-chroma-0 \("kwok-volume"\).*set .*storageClass to "kwok-volume"/s,
    )
    const before = await claims()
    await plain.configure({ kubernetes: { ...ON_FLEET, storageClass: 'kwok-volume' } })
    await plain.stack.up()
    expect(await claims()).toEqual(before)
  })

  it('leaves the pods that are there to an autoscaler that takes over, and to it from then on', async () => {
    const replicas = { api: 3, ollama: 2 }
    const kept = await claims()
    // Without the name of the class again, too.
    await plain.configure({ kubernetes: { ...ON_FLEET, replicas } })
    await plain.stack.up()
    expect(await claims()).toMatchObject(kept)
    const scaled = async () => {
      const [api] = await own('apps/v1', 'Deployment')
      const sets = await own('apps/v1', 'StatefulSet')
      const ollama = sets.filter(({ metadata }) => metadata.name !== 'chroma')
      return [api!, ...ollama]
    }
    const counts = async () => (await scaled()).map(({ spec }) => spec.replicas)
    const before = await counts()
    expect(new Set(before)).toEqual(new Set([3, 2]))
    const pods = uids(await own('v1', 'Pod'))
    const scale = { min: 1, max: 5 }
    const autoscaling = { api: scale, ollama: scale }
    await plain.configure({ kubernetes: { ...ON_FLEET, replicas, autoscaling } })
    await plain.stack.up()
    expect(await counts()).toEqual(before)
    expect(uids(await own('v1', 'Pod'))).toEqual(pods)
    // As an autoscaler does it.
    for (const workload of await scaled())
      await fleet.api.patch(workload, { spec: { replicas: 4 } })
    await plain.configure({ apiPort: 8105 })
    await plain.stack.up()
    expect(await counts()).toEqual(before.map(() => 4))
    await plain.stack.preview({ ...QUIET, refresh: true })
    await plain.configure({ kubernetes: { ...ON_FLEET, replicas } })
    await plain.stack.up()
    expect(await counts()).toEqual(before)
    await plain.configure({ kubernetes: ON_FLEET })
  })

  it('keeps its claims when labels are to be others than they are', async () => {
    const before = await claims()
    const another = { labels: { 'app.kubernetes.io/part-of': 'another' } }
    for (const set of await own('apps/v1', 'StatefulSet')) {
      await fleet.api.patch(set, { metadata: another })
    }
    for (const claim of await own('v1', 'PersistentVolumeClaim')) {
      await fleet.api.patch(claim, { metadata: another })
    }
    await plain.stack.up({ refresh: true })
    const sets = await own('apps/v1', 'StatefulSet')
    expect(sets.map(({ metadata }) => metadata.labels)).toEqual(
      sets.map(() => expect.objectContaining(PART_OF)),
    )
    expect(await claims()).toEqual(before)
  })

  it('refuses fewer instances than its data is on, before anything is changed, and leaves the data in its shards', async () => {
    await plain.configure({ instances: 1 })
    await expect(plain.stack.preview()).rejects.toThrow(/instances is 1.*laid out for 2/)
    await plain.configure({ instances: 2, shards: 20 })
    const { stdout, changeSummary } = await plain.stack.preview()
    expect(stdout).toMatch(/shards is 20, and the data stays laid out for 10.*npm run reshard/)
    expect(Object.keys(changeSummary)).toEqual(['same'])
    await plain.configure({ shards: 10 })
  })

  it('keeps the data of a namespace that it is asked to leave', async () => {
    const before = await claims()
    await plain.configure({ kubernetes: { ...ON_FLEET, namespace: 'elsewhere' } })
    await plain.stack.up()
    expect(await claims()).toEqual(before)
    await plain.configure({ kubernetes: ON_FLEET })
    await plain.stack.up()
    expect(await claims()).toEqual(before)
  })

  it('leaves its claims and nothing that runs after destroy, and takes them over again', async () => {
    const before = await claims()
    await plain.stack.destroy()
    expect(await own('v1', 'Pod')).toEqual([])
    expect(await own('v1', 'Secret')).toEqual([])
    expect(await claims()).toEqual(before)
    await plain.stack.up()
    expect(await claims()).toEqual(before)
  })
})
