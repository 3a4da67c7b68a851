import { apps, core } from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import type { Outputs } from '../../outputs.ts'
import { apiArguments } from '../../servers/api-program.ts'
import { insideOutputs } from '../../servers/inside-outputs.ts'
import { API, labelsOf } from '../kubernetes-names.ts'
import { NOT_AWAITED } from '../pods/awaiting.ts'
import { FILES_HASH, hashOf } from '../pods/content-hash.ts'
import { podTemplate } from '../pods/pod.ts'
import { probe, startup } from '../pods/probes.ts'
import { resourcesOf } from '../pods/resource-quantity.ts'
import type { PodServerArgs } from '../server-args.ts'
import { autoscaler } from './autoscaling.ts'
import { disruptionBudget } from './disruption.ts'

const FOLDER = '/etc/knowledge'
const VOLUME = 'deployment'
export const OUTPUTS_FILE = 'outputs.json'
const KEYS_FILE = 'api-keys.json'
/** Seconds: what the API gives requests that are under way, and some more. */
const GRACE = 30
const STARTUP = 60

/** What is known of the deployment inside of it, tokens among it: for the API and for what verifies. */
export function deploymentSecret(
  { options }: PodServerArgs,
  outputs: pulumi.Output<Outputs>,
  apiKeys: pulumi.Output<string>,
) {
  const text = pulumi.jsonStringify(outputs.apply(insideOutputs))
  const labels = labelsOf(API)
  const secret = new core.v1.Secret(
    VOLUME,
    {
      metadata: { name: VOLUME, labels },
      stringData: { [OUTPUTS_FILE]: pulumi.secret(text), [KEYS_FILE]: apiKeys },
    },
    { ...options, deleteBeforeReplace: true },
  )
  return { name: secret.metadata.name, hash: hashOf(text, apiKeys) }
}

export type DeploymentSecret = ReturnType<typeof deploymentSecret>

/** Mounted where `readDeployment` and the API look for it. */
export const deploymentFiles = ({ name }: DeploymentSecret) => ({
  volume: { name: VOLUME, secret: { secretName: name, defaultMode: 0o440 } },
  mount: { name: VOLUME, mountPath: FOLDER, readOnly: true },
  outputs: `${FOLDER}/${OUTPUTS_FILE}`,
  keys: `${FOLDER}/${KEYS_FILE}`,
})

/** The HTTP API: as many pods as wanted, none of which has anything to lose. */
export function apiServers(
  { settings, options }: PodServerArgs,
  secret: DeploymentSecret,
  plan: Workload,
  dependsOn: pulumi.Resource[],
): apps.v1.Deployment {
  const { kubernetes, api } = settings
  const labels = labelsOf(API)
  const scale = kubernetes.autoscaling.api
  const files = deploymentFiles(secret)
  const deployment = new apps.v1.Deployment(
    API,
    {
      metadata: { labels },
      spec: {
        ...(scale === undefined && { replicas: kubernetes.replicas.api }),
        selector: { matchLabels: labels },
        // A pod more during a change would need room that the plan does not have.
        strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: podTemplate({
          labels,
          annotations: { [FILES_HASH]: secret.hash },
          containers: [
            {
              name: API,
              image: settings.images.api,
              args: apiArguments('checks/api/main.ts'),
              env: Object.entries({
                KNOWLEDGE_API_HOST: '0.0.0.0',
                KNOWLEDGE_API_PORT: `${api.port}`,
                KNOWLEDGE_API_REQUESTS_PER_MINUTE: `${api.requestsPerMinute}`,
                KNOWLEDGE_API_OUTPUTS: files.outputs,
                KNOWLEDGE_API_KEYS: files.keys,
              }).map(([name, value]) => ({ name, value })),
              ports: [{ name: 'http', containerPort: api.port }],
              resources: resourcesOf(plan.server),
              volumeMounts: [files.mount],
              startupProbe: startup('/openapi.json', api.port, STARTUP, 2),
              readinessProbe: probe('/openapi.json', api.port),
              livenessProbe: probe('/openapi.json', api.port, 30),
            },
          ],
          volumes: [files.volume],
          grace: GRACE,
          pullSecrets: kubernetes.imagePullSecrets,
        }),
      },
    },
    { ...options, dependsOn },
  )
  new core.v1.Service(
    API,
    {
      metadata: { name: API, labels, annotations: NOT_AWAITED },
      spec: { selector: labels, ports: [{ name: 'http', port: api.port }] },
    },
    { ...options, deleteBeforeReplace: true },
  )
  disruptionBudget(API, labels, options)
  if (scale !== undefined) {
    const target = { kind: 'Deployment' as const, name: deployment.metadata.name, labels }
    autoscaler(target, scale, API, options)
  }
  return deployment
}
