import { apps, batch, core, Provider } from '@pulumi/kubernetes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../support/cluster/api.ts'
import { type Fleet, startFleet } from '../../support/cluster/fleet/fleet.ts'
import { POOLS } from '../../support/cluster/fleet/pools.ts'
import { type ProgramStack, programStack } from '../../support/kubernetes/kubernetes-stack.ts'

const QUIET = { expectNoChanges: true }
const labels = { app: 'web' }
const container = (image = 'web:1') => ({
  name: 'web',
  image,
  resources: { requests: { cpu: '1000m', memory: '1024Mi' } },
})
const template = (image?: string) => ({
  metadata: { labels },
  spec: { containers: [container(image)] },
})

/** A set with a volume for each of its pods. */
const setOf = (name: string, storage: string) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    serviceName: name,
    selector: { matchLabels: { app: name } },
    template: { ...template(), metadata: { labels: { app: name } } },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
      },
    ],
  },
})

/** A program as a user would write it: the names of two of its objects are left to Pulumi. */
const program =
  ({ image = 'web:1', size = '1Gi', colour = 'red' } = {}) =>
  async () => {
    const file = new core.v1.ConfigMap('file', { data: { colour } })
    new apps.v1.Deployment('web', {
      spec: { replicas: 2, selector: { matchLabels: labels }, template: template(image) },
    })
    new core.v1.Service('web', { spec: { selector: labels, ports: [{ port: 80 }] } })
    new apps.v1.StatefulSet('store', setOf('store', size), { retainOnDelete: false })
    new batch.v1.Job('once', {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [container()] } } },
    })
    new core.v1.Secret('token', { stringData: { token: 'a secret that nobody may read' } })
    return { file: file.metadata.name }
  }

describe('resources of the Kubernetes provider on a simulated fleet', () => {
  let fleet: Fleet
  let deployed: ProgramStack

  beforeAll(async () => {
    fleet = await startFleet(POOLS)
    deployed = await programStack(fleet.kubeconfig, program())
  })
  afterAll(async () => {
    await fleet?.stop()
    await deployed?.forget()
  })

  const deployment = async (): Promise<KubeObject> =>
    (await fleet.api.list('apps/v1', 'Deployment'))[0]!

  it('are previewed as the server would take them, and nothing is made', async () => {
    const { changeSummary } = await deployed.stack.preview()
    expect(changeSummary.create).toBe(7)
    expect(await fleet.api.list('apps/v1', 'Deployment')).toEqual([])
  })

  it('are made, named and waited for', async () => {
    const { outputs } = await deployed.stack.up()
    expect(outputs.file?.value).toMatch(/^file-[0-9a-f]{8}$/)
    expect((await deployment()).status.readyReplicas).toBe(2)
  })

  it('have not drifted, though the server writes quantities in its own way', async () => {
    await deployed.stack.preview({ ...QUIET, refresh: true })
  })

  it('keep a secret out of the state', async () => {
    const state = await deployed.state()
    const secret = Buffer.from('a secret that nobody may read')
    expect(state).not.toContain(secret.toString())
    expect(state).not.toContain(secret.toString('base64'))
  })

  it('are updated in place where the server allows it', async () => {
    const { metadata } = await deployment()
    deployed.become(program({ image: 'web:2' }))
    const { summary } = await deployed.stack.up()
    expect(summary.resourceChanges).toMatchObject({ update: 1 })
    const now = await deployment()
    expect(now.metadata.uid).toBe(metadata.uid)
    expect(now.spec.template.spec.containers[0].image).toBe('web:2')
  })

  it('show in a refreshed preview what somebody changed by hand', async () => {
    const web = await deployment()
    await fleet.api.patch(web, { spec: { replicas: 1 } })
    await expect(deployed.stack.preview({ ...QUIET, refresh: true })).rejects.toThrow(/change/)
    await fleet.api.patch(web, { spec: { replicas: 2 } })
  })

  it('are replaced where it does not: under a new name, or the same after the old one is gone', async () => {
    deployed.become(program({ image: 'web:2', colour: 'blue', size: '2Gi' }))
    const [before] = await fleet.api.list('apps/v1', 'StatefulSet')
    const { outputs, summary } = await deployed.stack.up()
    expect(summary.resourceChanges).toMatchObject({ replace: 2 })
    const [after, ...others] = await fleet.api.list('apps/v1', 'StatefulSet')
    expect(others).toEqual([])
    expect(after!.metadata.name).toBe('store')
    expect(after!.metadata.uid).not.toBe(before!.metadata.uid)
    const maps = await fleet.api.list('v1', 'ConfigMap')
    const files = maps.filter(({ data }) => data?.colour).map(({ metadata }) => metadata.name)
    expect(files).toEqual([outputs.file?.value])
  })

  it('are not refused for a field that the server does not know: it is left out', async () => {
    const typo = { replica: 2, selector: { matchLabels: labels }, template: template() }
    deployed.become(async () => {
      new apps.v1.Deployment('typo', { metadata: { name: 'typo' }, spec: typo })
    })
    await deployed.stack.preview()
    await deployed.stack.up()
    expect((await deployment()).spec).toMatchObject({ replicas: 1 })
    expect((await deployment()).spec).not.toHaveProperty('replica')
  })

  it('are refused where an object of their name is there, or taken over where their provider is told so', async () => {
    const { metadata, spec } = setOf('there', '1Gi')
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata }
    await fleet.api.create({ ...map, data: { colour: 'white' } })
    const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata }
    await fleet.api.create({ ...set, spec: { ...spec, replicas: 0 } })
    const taking = (upsertExistingObjects: boolean, make: (options: object) => void) => async () =>
      make({ provider: new Provider('taking', { upsertExistingObjects, enablePatchForce: true }) })
    const file = (options: object) =>
      new core.v1.ConfigMap('there', { metadata, data: { colour: 'black' } }, options)
    deployed.become(taking(false, file))
    await expect(deployed.stack.up()).rejects.toThrow(/configmaps "there" already exists/)
    deployed.become(taking(true, file))
    await deployed.stack.up()
    expect((await fleet.api.read(map))?.data).toEqual({ colour: 'black' })
    // What cannot be changed in a set cannot be taken over either.
    deployed.become(
      taking(true, options => new apps.v1.StatefulSet('there', setOf('there', '2Gi'), options)),
    )
    await expect(deployed.stack.up()).rejects.toThrow(/updates to statefulset spec.*forbidden/)
    await fleet.api.delete(set)
  })

  it('say no more of pods that no node takes than that they are not there in time', async () => {
    deployed.become(async () => {
      const huge = { ...container(), resources: { requests: { memory: '100Ti' } } }
      new apps.v1.Deployment(
        'huge',
        {
          spec: {
            selector: { matchLabels: { app: 'huge' } },
            template: { metadata: { labels: { app: 'huge' } }, spec: { containers: [huge] } },
          },
        },
        { customTimeouts: { create: '5s' } },
      )
    })
    await expect(deployed.stack.up()).rejects.toThrow(
      /Minimum number of live Pods was not attained/,
    )
  })

  it('are gone with the stack, but for the claims of a StatefulSet', async () => {
    await deployed.stack.destroy()
    expect(await fleet.api.list('apps/v1', 'Deployment')).toEqual([])
    expect(await fleet.api.list('v1', 'Pod')).toEqual([])
    const claims = await fleet.api.list('v1', 'PersistentVolumeClaim')
    expect(claims.map(({ metadata }) => metadata.name)).toEqual(['data-store-0'])
  })

  it('are previewed on a cluster that is gone as if it were empty, and refused by the update', async () => {
    await fleet.stop()
    await deployed.stack.preview()
    await expect(deployed.stack.up()).rejects.toThrow(/cluster is unreachable/)
  })
})
