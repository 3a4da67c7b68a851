import * as pulumi from '@pulumi/pulumi'
import type { StackPlan } from './capacity/stack-plan.ts'
import type { DeployedModel, Outputs } from './outputs.ts'
import { asDeployed, type Layout, layoutOf } from './ownership/data-layout.ts'
import type { KnownOwner } from './ownership/owner.ts'
import { LayoutRecord, OwnerRecord, VersionRecord } from './resources.ts'
import type {
  ClaimSizes,
  TargetComponent,
  TargetComponentArgs,
} from './servers/target-component.ts'
import { layoutRecordOf, versionRecordOf } from './settings/home-paths.ts'
import type { Settings } from './settings/parse-settings.ts'
import type { Target } from './settings/settings-schema.ts'
import { firstShardMap } from './shards.ts'

/** Those of versions that a stack chooses. */
const SERVERS = ['chroma', 'ollama'] as const

type Component = new (name: string, args: TargetComponentArgs) => TargetComponent

/** Only the stack's own is loaded: each brings the SDK of its provider along. */
const TARGETS: Record<Target, () => Promise<Component>> = {
  docker: async () => (await import('./docker/docker-deployment.ts')).DockerDeployment,
  local: async () => (await import('./local/local-deployment.ts')).LocalDeployment,
  kubernetes: async () =>
    (await import('./kubernetes/kubernetes-deployment.ts')).KubernetesDeployment,
}

/** The plan to deploy by; absent when none could be made and the stack deploys all the same. */
interface DeployPlan {
  /** How the data is laid out; absent where there is none yet. */
  layout?: Layout
  plan?: Pick<StackPlan, 'workloads' | 'models'>
  claimSizes?: ClaimSizes
  warning?: string
}

/** What the program finds out of the world outside of it. */
export interface Effects {
  /** Plans the stack on the hardware there is, and refuses one that cannot fit. */
  gateOnPlan(settings: Settings): Promise<DeployPlan>
  /**
   * Tells whose the stack's things are, and refuses a place that is somebody else's. Unless it is a dry run, what a
   * killed update left behind is ended.
   */
  takeOver(settings: Settings): Promise<KnownOwner>
}

/**
 * Settings → plan → servers → models → verification.
 * @returns the outputs of the stack, the report of the last verification that was part of an update, what only
 *   provision/models is given (Provisioner of outputs.ts), and the id of the stack's owner
 * @throws Failure when the stack cannot fit; then nothing is made
 */
export async function deploy(asked: Settings, { gateOnPlan, takeOver }: Effects) {
  const { layout = layoutOf(asked), plan, claimSizes = {}, warning } = await gateOnPlan(asked)
  const settings = asDeployed(asked, layout)
  const { stack, home } = settings
  if (warning !== undefined) pulumi.log.warn(warning)
  const { id, ...owner } = await takeOver(settings)
  const owned = new OwnerRecord(`${stack}-owner`, { ...owner, owner: id, home })

  const Servers = await TARGETS[settings.target]()
  const workloads = plan?.workloads ?? []
  const servers = new Servers(stack, { settings, layout, workloads, claimSizes, owned })

  const outputs = pulumi.output({
    stack,
    target: settings.target,
    chroma: {
      instances: servers.chroma,
      maxConnections: settings.chroma.maxConnections,
      quota: settings.chroma.quota,
      generation: layout.generation,
      shards: layout.shards,
      shardMap: firstShardMap(layout.shards, layout.instances),
    },
    ollama: servers.ollama.map(pool => ({ ...pool, version: settings.ollama.version })),
    api: servers.api,
    models: servers.deployModels(),
  }) as pulumi.Output<Outputs>

  const api = servers.serveApi(outputs)
  const record = { file: layoutRecordOf(home), layout }
  new LayoutRecord(`${stack}-layout`, record, { dependsOn: servers })
  for (const server of SERVERS) {
    const { version } = settings[server]
    const image = settings.configuredImages[server]
    const args = { file: versionRecordOf(home, server), version, image }
    new VersionRecord(`${stack}-${server}-version`, args, { dependsOn: servers })
  }
  const report = servers.verify(outputs, api)
  const { provisionerToken: token } = servers
  return {
    outputs: outputs.apply(made => withPlanned(made, plan)),
    report,
    provisioner: pulumi.output({ token }),
    owner: owned.owner,
  }
}

/**
 * The outputs with what the plan sets aside for each model. Only what is handed on has it: the plan is surer once the
 * models are there, and must not have an update change what did not change.
 */
const withPlanned = (outputs: Outputs, plan: DeployPlan['plan']): Outputs => ({
  ...outputs,
  models: outputs.models.map(model => ({
    ...model,
    planned: plannedBytes(plan, model.name),
  })) as Outputs['models'],
})

/** With the margin. */
function plannedBytes(plan: DeployPlan['plan'], name: string): DeployedModel['planned'] {
  const model = plan?.models.find(candidate => candidate.name === name)
  if (model === undefined) return undefined
  const { reserved, margin } = model
  return { host: Math.ceil(reserved.host + margin.host), gpu: Math.ceil(reserved.gpu + margin.gpu) }
}
