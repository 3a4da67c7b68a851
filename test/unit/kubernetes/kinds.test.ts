import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { isFixed, kindsOf } from '../../../provision/cluster/ownership/owned-kinds.ts'
import {
  BACKUP,
  EVERYTHING,
  kubernetesObjects,
} from '../../support/kubernetes/kubernetes-objects.ts'

/** Kinds whose objects have names that Pulumi draws, so that they cannot be anybody else's. */
const DRAWN = [
  'Deployment',
  'Job',
  'CronJob',
  'PodDisruptionBudget',
  'HorizontalPodAutoscaler',
  'Ingress',
]

it('every object of a stack is looked for where others may have put theirs, under its name if that stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kinds-'))
  const caCertificates = join(folder, 'own.pem')
  await writeFile(caCertificates, '-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----\n')
  const egress = { httpsProxy: 'http://proxy.example.org:3128', caCertificates }
  const objects = await kubernetesObjects({ instances: 2, backup: BACKUP, ...egress }, EVERYTHING)
  await rm(folder, { recursive: true })
  expect(objects.map(({ metadata }) => metadata.name)).toContain('ollama-certificates')
  const settings = parseSettings('test', { target: 'kubernetes', kubernetes: EVERYTHING })
  const looked = kindsOf(settings).map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)
  for (const { apiVersion, kind, metadata } of objects) {
    if (kind === 'Namespace') continue
    expect(looked).toContain(`${apiVersion} ${kind}`)
    const isDrawn = DRAWN.includes(kind) || kind === 'ServiceMonitor'
    expect([kind, metadata.name, isFixed(kind, metadata.name)]).toEqual([
      kind,
      metadata.name,
      !isDrawn,
    ])
  }
})

it.each([
  ['Deployment', 'api'],
  ['Service', 'chroma'],
  ['Service', 'apiary'],
  ['ConfigMap', 'models'],
  ['PersistentVolumeClaim', 'data-postgres-0'],
  ['PodDisruptionBudget', 'ollama-gpu-12345678'],
])('what others call %s %s is in no place of the stack’s', (kind, name) => {
  expect(isFixed(kind, name)).toBe(false)
})
