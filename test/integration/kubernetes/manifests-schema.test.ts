import { beforeAll, describe, expect, it } from 'vitest'
import {
  BACKUP,
  EVERYTHING,
  type KubernetesObject,
  kubernetesObjects,
} from '../../support/kubernetes/kubernetes-objects.ts'
import { schemasOf } from '../../support/kubernetes/kubernetes-schemas.ts'

const RELEASES = ['1.29', '1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36']
/** Of the Prometheus operator, whose schema is its own. */
const FOREIGN = ['ServiceMonitor']

let objects: KubernetesObject[]

beforeAll(async () => {
  const all = { instances: 2, backup: BACKUP }
  const stacks = [await kubernetesObjects(all, EVERYTHING), await kubernetesObjects()]
  objects = stacks.flat().filter(({ kind }) => !FOREIGN.includes(kind))
})

describe.each(RELEASES)('the API of Kubernetes %s', release => {
  it('takes every object of a stack', async () => {
    const validate = await schemasOf(release)
    for (const object of objects) expect(await validate(object)).toEqual([])
  })

  it('does not take a field that it does not know, or a value of another type', async () => {
    const validate = await schemasOf(release)
    const service = objects.find(({ kind }) => kind === 'Service')!
    const unknown = { ...service, spec: { ...service.spec, sessionAfinity: 'None' } }
    expect(await validate(unknown)).not.toEqual([])
    const mistyped = { ...service, spec: { ...service.spec, ports: '8080' } }
    expect(await validate(mistyped)).not.toEqual([])
  })
})
