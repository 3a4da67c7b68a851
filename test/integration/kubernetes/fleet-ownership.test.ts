import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { objectLabels, PART_OF } from '../../../infra/kubernetes/kubernetes-names.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { openCluster } from '../../../provision/cluster/cluster-client.ts'
import { ownObjects } from '../../../provision/cluster/ownership/cluster-ownership.ts'
import { removeObjects } from '../../../provision/cluster/ownership/remove-objects.ts'
import { readOwner } from '../../../provision/ownership/home-owner.ts'
import { readProcessRecord } from '../../../provision/processes/process-record.ts'
import { trackedProcesses } from '../../../provision/processes/tracking.ts'
import type { KubeObject } from '../../support/cluster/api.ts'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'
import { POOLS } from '../../support/cluster/fleet/pools.ts'
import { interruptOnTheWay } from '../../support/interrupted/interruptions.ts'
import { kubernetesSubject } from '../../support/interrupted/kubernetes-subject.ts'
import { clusterStack } from '../../support/kubernetes/cluster-stack.ts'
import { RUNNING_KINDS } from '../../support/kubernetes/stack-kinds.ts'
import { SEED } from '../../support/searches.ts'
import { recordedPid, type TestStack } from '../../support/stack/test-stack.ts'

const MINUTES = 60_000
/** `npm run bench -- interrupted` interrupts twenty, each by itself. */
const MOMENTS = 3
const OWNER = 'knowledge-stack/owner'
const TEAM = 'team'
/** Without the Job that verifies: no pod runs here that could be verified. */
const ON_FLEET = { verification: false }
const SHARED = { ...ON_FLEET, namespace: TEAM, sharedNamespace: true }

/** What may be looked at as the stack's or as somebody else's, by group and kind. */
const KINDS = [...RUNNING_KINDS, ['v1', 'ConfigMap'], ['v1', 'PersistentVolumeClaim']] as const

async function waitFor(what: string, isSo: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await isSo(), what).toBe(true), {
    timeout: 2 * MINUTES,
    interval: 200,
  })
}

const claimSpec = (storage = '1Gi') => ({
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage } },
})
const object = (apiVersion: string, kind: string, name: string, more: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: TEAM },
  ...more,
})
const web = { app: 'web', 'app.kubernetes.io/part-of': 'shop' }
const pod = (labels: object) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
})

/** Of the team that had the namespace first. Its Service is not in the stack's place, whatever its name. */
const TEAMS = [
  object('apps/v1', 'Deployment', 'web', {
    spec: { replicas: 2, selector: { matchLabels: web }, template: pod(web) },
  }),
  object('v1', 'Service', 'chroma', { spec: { selector: web, ports: [{ port: 80 }] } }),
  object('v1', 'ConfigMap', 'notes', { data: { shards: '3' } }),
  object('v1', 'Secret', 'certificate', { stringData: { key: 'of the team' } }),
  object('v1', 'PersistentVolumeClaim', 'photographs', { spec: claimSpec() }),
]

describe('a cluster that others use too, simulated', () => {
  let fleet: Fleet
  let first: TestStack
  let second: TestStack

  beforeAll(async () => {
    fleet = await startFleet(POOLS)
    await fleet.api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: TEAM } })
    for (const item of TEAMS) await fleet.api.create(item)
    first = await clusterStack(fleet.kubeconfig, { creators: 1000 })
    second = await clusterStack(fleet.kubeconfig, { creators: 1000 })
    await waitFor('the pods of the team', async () => {
      const [deployment] = await objects(({ kind }) => kind === 'Deployment')
      return deployment?.status.readyReplicas === 2
    })
  })
  afterAll(async () => {
    await fleet?.stop()
    await first?.end()
    await second?.end()
  })

  /** All in the team's namespace, or another, but for what the cluster itself keeps there. */
  async function objects(
    wanted: (object: KubeObject) => boolean = () => true,
    namespace = TEAM,
  ): Promise<KubeObject[]> {
    const lists = await Promise.all(KINDS.map(([version, kind]) => fleet.api.list(version, kind)))
    return lists
      .flat()
      .filter(({ metadata }) => metadata.namespace === namespace)
      .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
      .filter(wanted)
  }
  const isOfStack = ({ metadata }: KubeObject) =>
    metadata.labels?.['app.kubernetes.io/part-of'] === 'knowledge-stack'
  const isOfTeam = (object: KubeObject) => !isOfStack(object)
  const names = (all: readonly KubeObject[]) =>
    all.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()
  /** To be compared: whoever touches an object changes its version. */
  const versions = (all: readonly KubeObject[]) =>
    Object.fromEntries(
      all.map(({ kind, metadata }) => [
        `${kind}/${metadata.name}`,
        `${metadata.uid} ${metadata.resourceVersion}`,
      ]),
    )
  const isClaim = ({ kind }: KubeObject) => kind === 'PersistentVolumeClaim'
  const namespace = (name = TEAM) =>
    fleet.api.read({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const ofTeam = async () => versions([(await namespace())!, ...(await objects(isOfTeam))])

  const use = (stack: TestStack, kubernetes: object) => Object.assign(stack.config, { kubernetes })
  /** A deployment that came to its end: nothing runs on simulated nodes that could be verified. */
  const deployed = { code: 1, stderr: expect.stringMatching(/✔ pulumi up: /) }
  const refusal = (...words: RegExp[]) =>
    expect.objectContaining({
      code: 2,
      stderr: expect.stringMatching(new RegExp(words.map(({ source }) => source).join('.*'), 's')),
    })
  const done = { code: 0 }

  /** An update that is killed while it waits for its servers, which no quota of pods lets start. */
  async function killedUp(stack: TestStack): Promise<void> {
    const quota = object('v1', 'ResourceQuota', 'full', { spec: { hard: { pods: '2' } } })
    await fleet.api.create(quota)
    const { child, ended } = await stack.start(['up'])
    try {
      await waitFor('the sets of the update', async () => {
        return (await objects(({ kind }) => kind === 'StatefulSet')).length >= 2
      })
      const record = `${stack.home}/state/engine.json`
      const { trackingId } = (await readProcessRecord(record))!
      const engine = await recordedPid(record)
      child.kill('SIGKILL')
      process.kill(-engine, 'SIGKILL')
      await ended
      await waitFor(
        'the end of its plugins',
        async () => trackedProcesses(trackingId!).length === 0,
      )
    } finally {
      child.kill('SIGKILL')
      await fleet.api.delete(quota)
    }
  }

  it.each(['up', 'preview'])(
    'keeps a namespace from a stack that did not make it: %s',
    async command => {
      use(first, { ...ON_FLEET, namespace: TEAM })
      const before = await ofTeam()
      expect(await first.run(command)).toEqual(
        refusal(/namespace team is there, and stack dev did not make it/, /sharedNamespace true/),
      )
      expect(await ofTeam()).toEqual(before)
      expect(await objects(isOfStack)).toEqual([])
    },
  )

  it('keeps what has a name of the stack’s and is not its own: it is named', async () => {
    use(first, SHARED)
    const taken = [
      object('v1', 'Service', 'api', { spec: { selector: web, ports: [{ port: 80 }] } }),
      object('v1', 'PersistentVolumeClaim', 'data-chroma-0', { spec: claimSpec() }),
    ]
    for (const item of taken) await fleet.api.create(item)
    await waitFor('them to be there', async () => {
      const all = await objects(object => isOfTeam(object) && isClaim(object))
      return all.length === 2 && all.every(({ status }) => status?.phase === 'Bound')
    })
    const before = await ofTeam()
    const ended = await first.run('up')
    expect(ended).toEqual(refusal(/Service\/api/, /PersistentVolumeClaim\/data-chroma-0/))
    expect(ended.stderr).not.toContain('Service/chroma')
    expect(await ofTeam()).toEqual(before)
    for (const item of taken) await fleet.api.delete(item)
    await waitFor('their end', async () => (await objects(isOfTeam)).length === TEAMS.length + 2)
  })

  it('is shared where a setting says so, also after an update that was killed, with other volumes', async () => {
    const before = await ofTeam()
    await killedUp(first)
    const id = (await readOwner(first.home))!.id!
    const labels = { ...PART_OF, [OWNER]: id }
    const budget = object('policy/v1', 'PodDisruptionBudget', 'chroma-0badcafe', {
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'none' } } },
    })
    await fleet.api.create({ ...budget, metadata: { ...budget.metadata, labels } })
    first.config.creators = 300_000
    expect(await first.run('up')).toMatchObject(deployed)
    expect(await ofTeam()).toEqual(before)

    const own = await objects(isOfStack)
    expect(names(own)).not.toContain('PodDisruptionBudget/chroma-0badcafe')
    expect(names(own)).toContain('StatefulSet/chroma')
    const made = own.filter(({ kind }) => kind !== 'Pod')
    expect(new Set(made.map(({ metadata }) => metadata.labels?.[OWNER]))).toEqual(new Set([id]))
    for (const { spec } of own.filter(({ kind }) => kind === 'NetworkPolicy')) {
      expect(spec.podSelector.matchLabels).toEqual(PART_OF)
    }
  })

  it('does not let a second stack of the same name have what is the first one’s', async () => {
    use(second, SHARED)
    const before = versions(await objects())
    const { id } = (await readOwner(first.home))!
    // Other shards, so that what it says of the first one's data would be no help.
    second.config.shards = 20
    expect(await second.run('up')).toEqual(
      refusal(/StatefulSet\/chroma/, new RegExp(`owner ${id}`)),
    )
    expect((await second.json('status')).document.processes).toEqual([])
    expect(await second.run('down')).toMatchObject(done)
    expect(await second.run('down', '--purge', '--yes')).toMatchObject(done)
    expect(versions(await objects())).toEqual(before)
    expect((await first.json('status')).document.processes.length).toBeGreaterThan(2)
  })

  it('has nothing of the stack running after down, not what its state does not know either', async () => {
    const team = await ofTeam()
    const { id } = (await readOwner(first.home))!
    const labels = { ...PART_OF, [OWNER]: id! }
    const volume = { metadata: { name: 'data', labels }, spec: claimSpec() }
    const set = object('apps/v1', 'StatefulSet', 'ollama-gpu-7', {
      spec: {
        serviceName: 'none',
        selector: { matchLabels: { left: 'here' } },
        template: pod({ left: 'here' }),
        volumeClaimTemplates: [volume],
      },
    })
    await fleet.api.create({ ...set, metadata: { ...set.metadata, labels } })
    await waitFor('its pod', async () => names(await objects()).includes('Pod/ollama-gpu-7-0'))
    expect(await first.run('down')).toMatchObject(done)
    const left = await objects(isOfStack)
    expect(names(left.filter(object => !isClaim(object)))).toEqual(['ConfigMap/layout'])
    expect(names(await objects())).not.toContain('Pod/ollama-gpu-7-0')
    expect(names(left)).toContain('PersistentVolumeClaim/data-chroma-0')
    expect(await ofTeam()).toEqual(team)
  })

  it('says what holds a server that does not end, and ends with 3', async () => {
    const { id } = (await readOwner(first.home))!
    const metadata = {
      name: 'chroma-0badcafe',
      namespace: TEAM,
      labels: { ...PART_OF, [OWNER]: id! },
      finalizers: ['test/held'],
    }
    const held = { apiVersion: 'v1', kind: 'Secret', metadata }
    await fleet.api.create(held)
    const owner = (await readOwner(first.home))!
    const settings = parseSettings('dev', { target: 'kubernetes', ...first.config })
    vi.stubEnv('KUBECONFIG', fleet.kubeconfig)
    const cluster = await openCluster(settings)
    const left = await ownObjects(settings, owner, cluster)
    const secret = left.filter(({ metadata }) => metadata?.name === 'chroma-0badcafe')
    const failure = await removeObjects(secret, cluster, 10).catch(error => error)
    vi.unstubAllEnvs()
    expect(failure).toMatchObject({ exitCode: 3 })
    expect(failure.message).toMatch(/^Still there .*: Secret\/chroma-0badcafe \(.*test\/held.*\)$/)
    await fleet.api.patch(held, { metadata: { finalizers: null } })
  })

  it('makes a Service anew that a killed update left, with the ports of then', async () => {
    const { id } = (await readOwner(first.home))!
    const labels = { ...objectLabels('api'), [OWNER]: id! }
    const spec = { selector: objectLabels('api'), ports: [{ name: 'http', port: 7999 }] }
    const left = object('v1', 'Service', 'api', { spec })
    Object.assign(left.metadata, { labels })
    await fleet.api.apply(left, { manager: 'pulumi-kubernetes-0badcafe' })
    expect(await first.run('up')).toMatchObject(deployed)
    const found = await fleet.api.read(left)
    expect(found?.spec.ports).toEqual([expect.objectContaining({ port: first.config.apiPort })])
  })

  it('loses the stack’s own claims by a purge, and nothing else', async () => {
    const team = await ofTeam()
    // As the controller of a set of an older version makes it for another pod.
    const another = object('v1', 'PersistentVolumeClaim', 'data-chroma-1', { spec: claimSpec() })
    Object.assign(another.metadata, { labels: objectLabels('chroma') })
    await fleet.api.create(another)
    const refused = await first.run('down', '--purge')
    expect(refused).toEqual(refusal(/claims .*data-chroma-0 \(\d+Gi\).*data-ollama-gpu-7-0/))
    expect(await first.run('down', '--purge', '--yes')).toMatchObject(done)
    expect(await objects(isOfStack)).toEqual([])
    expect(await ofTeam()).toEqual(team)
  })

  it('keeps what somebody put into the stack’s own namespace, which may be shared from then on, and stays for it', async () => {
    use(second, { ...ON_FLEET, namespace: 'own' })
    expect(await second.run('up')).toMatchObject(deployed)
    const guest = object('v1', 'ConfigMap', 'guest')
    await fleet.api.create({ ...guest, metadata: { name: 'guest', namespace: 'own' } })
    const uids = async () => (await objects(isClaim, 'own')).map(({ metadata }) => metadata.uid)
    const before = [(await namespace('own'))?.metadata.uid, ...(await uids())]
    use(second, { ...ON_FLEET, namespace: 'own', sharedNamespace: true })
    expect(await second.run('up')).toMatchObject(deployed)
    expect([(await namespace('own'))?.metadata.uid, ...(await uids())]).toEqual(before)

    use(second, { ...ON_FLEET, namespace: 'own' })
    const purged = await second.run('down', '--purge', '--yes')
    expect(purged).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('left: the namespace own with ConfigMap/guest'),
    })
    expect(names(await objects(undefined, 'own'))).toEqual(['ConfigMap/guest'])
    expect((await namespace('own'))?.metadata.deletionTimestamp).toBeUndefined()
  })

  it('has a stack whose up was killed or interrupted at any moment brought up by the next, and down, with its claims', async () => {
    use(second, { ...ON_FLEET, namespace: 'interrupted' })
    const subject = kubernetesSubject(second, fleet, 'interrupted')
    const { interrupted, aftermaths } = await interruptOnTheWay(subject, {
      seed: SEED,
      count: MOMENTS,
      report: console.log,
    })
    expect(aftermaths.flatMap(({ faults }) => faults)).toEqual([])
    expect(interrupted).not.toEqual([])
    expect(await second.run('down')).toMatchObject(done)
    expect(await subject.running()).toEqual([])
    expect(await subject.lost()).toEqual([])
  })
})
