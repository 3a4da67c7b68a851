import { randomUUID } from 'node:crypto'
import * as pulumi from '@pulumi/pulumi'
import { requireCertificates } from '../../infra/egress/egress-settings.ts'
import { Failure } from '../../infra/failure.ts'
import type { KnownOwner } from '../../infra/ownership/owner.ts'
import { deploy } from '../../infra/program.ts'
import { PROJECT } from '../../infra/project.ts'
import type { SecretFiles } from '../../infra/resources.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import { claimHome, keepOwner } from '../ownership/home-owner.ts'
import { decideByPlan } from '../plan/deploy-decision.ts'
import { revealed } from '../provider/secret-values.ts'
import { keepSecrets } from '../stack-secrets.ts'

/** An object of Kubernetes, as the program asks for it. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    annotations?: Record<string, string>
    labels?: Record<string, string>
  }
  // biome-ignore lint/suspicious/noExplicitAny: each kind has fields of its own
  [field: string]: any
}

/** What is rendered is the home folder's, as what is deployed from it. */
async function takeOver(settings: Settings): Promise<KnownOwner> {
  const claimed = await claimHome(settings)
  const owner = { ...claimed, id: claimed.id ?? randomUUID() }
  await keepOwner(settings.home, owner)
  return owner
}

const SECRETS = 'knowledge:index:Secrets'

/**
 * Runs the program as `pulumi up` does, with something in the engine's place that takes down what it asks for: no
 * cluster is needed, but for its nodes where the settings describe none. The stack's secrets are the real ones.
 * @returns its Kubernetes objects, as they were asked for; names that are left to Pulumi are those of the resources.
 *   What is autoscaled has no count: a manifest that is applied again would undo what the autoscaler chose
 * @throws Failure as the program does
 */
export async function collectObjects(stack: StackFile): Promise<KubernetesObject[]> {
  requireCertificates(stack.settings.egress)
  if (typeof stack.configured.httpsProxy === 'object') {
    throw new Failure(
      'misused',
      `${PROJECT}:httpsProxy is encrypted, and only Pulumi can read it; manifests would be without it`,
      { mend: `give --config-file a copy of the stack's file with the value in clear` },
    )
  }
  const objects: KubernetesObject[] = []
  await pulumi.runtime.setMocks(
    {
      async newResource({ type, name, inputs: marked }) {
        const inputs = revealed(marked)
        const object = { ...inputs, metadata: { name, ...inputs.metadata } } as KubernetesObject
        if (type.startsWith('kubernetes:')) objects.push(object)
        const made = type === SECRETS ? await keepSecrets(inputs.files as SecretFiles) : object
        return { id: name, state: { ...inputs, ...made } }
      },
      call: () => ({}),
    },
    PROJECT,
    stack.settings.stack,
  )
  await deploy(stack.settings, { gateOnPlan: decideByPlan, takeOver })
  // What the program asks for may still be on its way when it has ended.
  await pulumi.runtime.disconnect()
  for (const object of objects.filter(object => isAutoscaled(object, objects))) {
    delete object.spec.replicas
  }
  return objects
}

const isAutoscaled = (
  { kind, metadata }: KubernetesObject,
  objects: readonly KubernetesObject[],
): boolean =>
  objects.some(({ kind: scaler, spec }) => {
    if (scaler !== 'HorizontalPodAutoscaler') return false
    const { scaleTargetRef: target } = spec
    return target.kind === kind && target.name === metadata.name
  })
