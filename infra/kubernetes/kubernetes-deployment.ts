import * as pulumi from '@pulumi/pulumi'
import { requireWorkload, type Workload } from '../capacity/workload.ts'
import type { Outputs } from '../outputs.ts'
import { Secrets } from '../resources.ts'
import { apiServer } from '../servers/api-spec.ts'
import { describeModel } from '../servers/deployed-models.ts'
import { insideOutputs } from '../servers/inside-outputs.ts'
import type { Served, TargetComponent, TargetComponentArgs } from '../servers/target-component.ts'
import { scheduledBackup } from '../settings/backup-settings.ts'
import { apiKeysOf, tokensOf } from '../settings/home-paths.ts'
import { clusterOf } from './cluster-providers.ts'
import { apiEndpoint, chromaPodEndpoints, ollamaPoolEndpoints } from './kubernetes-endpoints.ts'
import { API, API_FILES, objectLabels } from './kubernetes-names.ts'
import { recordLayout } from './layout-record.ts'
import { networkPolicies } from './network-policies.ts'
import { ownedBy } from './owned-by.ts'
import { workloadHash } from './pods/content-hash.ts'
import { type MountedFiles, secretFiles } from './pods/mounted-files.ts'
import type { PodServerArgs } from './server-args.ts'
import { apiServers } from './servers/api-deployment.ts'
import { backupCronJob } from './servers/backup-cron-job.ts'
import { chromaServers } from './servers/chroma-set.ts'
import { apiIngress } from './servers/ingress.ts'
import { grafanaDashboard, serviceMonitor } from './servers/monitoring.ts'
import { ollamaPools } from './servers/ollama-set.ts'
import { verificationJob } from './servers/verification-job-object.ts'

/**
 * The deployment on a cluster: Chroma and a pool of Ollama for each kind of machine as StatefulSets, the API in
 * front of them, the checks as a Job, and backups as a CronJob. Kubernetes places, restarts and scales them.
 */
export class KubernetesDeployment extends pulumi.ComponentResource implements TargetComponent {
  readonly chroma: Outputs['chroma']['instances']
  readonly ollama: TargetComponent['ollama']
  readonly api: Outputs['api']
  readonly provisionerToken: pulumi.Output<string>
  readonly identities: pulumi.Output<string>[]
  readonly #parts: PodServerArgs
  readonly #secrets: Secrets
  readonly #pools: [Workload, ...Workload[]]
  readonly #workloads: readonly Workload[]
  readonly #servers: pulumi.Resource[]
  #inside: { files: MountedFiles; api: pulumi.Resource } | undefined

  constructor(
    name: string,
    { settings, layout, workloads, claimSizes = {}, owned }: TargetComponentArgs,
    options: pulumi.ComponentResourceOptions = {},
  ) {
    const transformations = [ownedBy(owned.owner), ...(options.transformations ?? [])]
    super('knowledge:kubernetes:Deployment', name, {}, { ...options, transformations })
    const { kubernetes, chroma, home } = settings
    const { namespace, provider, retaining } = clusterOf(name, kubernetes, this)
    const files = { tokens: tokensOf(home), apiKeys: apiKeysOf(home) }
    this.#secrets = new Secrets(`${name}-secrets`, { files }, { parent: this })
    this.#parts = {
      settings,
      layout,
      images: settings.images,
      claimSizes,
      tokens: this.#secrets.tokens,
      options: { parent: this, provider },
      retaining: { parent: namespace ?? this, provider: retaining },
    }
    this.#pools = poolsOf(workloads)
    this.#workloads = workloads
    const first = chroma.instances === 1 ? 'chroma' : 'chroma-0'

    networkPolicies(settings, this.#parts.options)
    const store = chromaServers(this.#parts, requireWorkload(workloads, first))
    recordLayout(this.#parts, [store])
    const pools = ollamaPools(this.#parts, this.#pools)
    if (kubernetes.monitoring.serviceMonitor) {
      serviceMonitor(this.#secrets.monitorToken, this.#parts.options)
    }
    if (kubernetes.monitoring.dashboard) {
      grafanaDashboard(kubernetes.namespace, this.#parts.options)
    }

    const { tokens } = this.#secrets
    this.#servers = [store, ...pools]
    this.chroma = chromaPodEndpoints(settings, tokens.chroma)
    this.ollama = ollamaPoolEndpoints(settings, this.#pools, tokens.ollama)
    this.api = apiEndpoint(settings)
    this.provisionerToken = tokens.provisioner
    this.identities = [store, ...pools].map(workloadHash)
    this.registerOutputs({ identities: this.identities })
  }

  /** Nothing is pulled from here: the pods pull what their volumes lack, and are ready when it answers. */
  deployModels() {
    return this.#pools.flatMap(({ pool, models }) =>
      this.#parts.settings.models
        .filter(({ definition }) => models.includes(definition.name))
        .map(model => describeModel(model, pool!)),
    )
  }

  serveApi(outputs: pulumi.Output<Outputs>): Served {
    const { settings, options } = this.#parts
    const plan = requireWorkload(this.#workloads, 'api')
    const { apiKeys } = this.#secrets
    const server = apiServer(this.#parts, outputs.apply(insideOutputs), apiKeys, plan)
    const secret = { name: API_FILES, labels: objectLabels(API), files: server.files }
    const files = secretFiles(secret, options)
    const api = apiServers(this.#parts, server, files, this.#servers)
    this.#inside = { files, api }
    const backup = scheduledBackup(settings.backup)
    if (backup !== undefined) {
      const plan = requireWorkload(this.#workloads, 'backup')
      backupCronJob(this.#parts, backup, files, plan, this.#servers)
    }
    const { ingress } = settings.kubernetes
    if (ingress !== undefined) apiIngress(ingress, settings.api.port, options)
    return { identity: workloadHash(api) }
  }

  /** The report is the Job's log: this update fails with its end where the Job does. */
  verify(_outputs: pulumi.Output<Outputs>, api: Served): pulumi.Output<unknown> {
    if (this.#inside !== undefined && this.#parts.settings.kubernetes.verification) {
      const triggers = [...this.identities, api.identity]
      const { files, api: servers } = this.#inside
      const plan = requireWorkload(this.#workloads, 'verification')
      verificationJob(this.#parts, files, plan, triggers, [servers])
    }
    return pulumi.output(undefined)
  }
}

/** One workload of each pool: its replicas are as it is. */
function poolsOf(workloads: readonly Workload[]): [Workload, ...Workload[]] {
  const pools = Map.groupBy(
    workloads.filter(({ kind }) => kind === 'ollama'),
    ({ pool }) => pool,
  )
  return [...pools.values()].map(([plan]) => plan!) as [Workload, ...Workload[]]
}
