import * as pulumi from '@pulumi/pulumi'
import type { Workload } from './capacity/workload.ts'
import type { Target } from './config-schema.ts'
import type { Deployment, DeploymentArgs } from './deployment.ts'
import type { Outputs } from './outputs.ts'
import { parseSettings, type Settings } from './settings.ts'
import { FIRST_GENERATION, firstShardMap } from './shards.ts'

type Component = new (name: string, args: DeploymentArgs) => Deployment

/** Only the stack's own is loaded: each brings the SDK of its provider along. */
const TARGETS: Record<Target, () => Promise<Component>> = {
  local: async () => (await import('./local/deployment.ts')).LocalDeployment,
}

/** The plan to deploy by; absent when none could be made and the stack deploys all the same. */
interface Leave {
  plan?: { workloads: readonly Workload[] }
  warning?: string
}

/**
 * Settings → plan → servers → models → verification.
 * @param configured the stack's configuration, without the project's prefix
 * @param leaveToDeploy plans the stack on the hardware there is, and refuses one that cannot fit; the effect of this
 * @returns the outputs of the stack, and the report of the last verification that was part of an update
 * @throws Failure when a setting is wrong or the stack cannot fit; then nothing is made
 */
export async function deploy(
  stack: string,
  configured: Record<string, unknown>,
  leaveToDeploy: (settings: Settings) => Promise<Leave>,
) {
  const settings = parseSettings(stack, configured)

  const { plan, warning } = await leaveToDeploy(settings)
  if (warning !== undefined) pulumi.log.warn(warning)

  const Servers = await TARGETS[settings.target]()
  const servers = new Servers(stack, { settings, workloads: plan?.workloads ?? [] })

  const outputs = pulumi.output({
    stack,
    target: settings.target,
    chroma: {
      instances: servers.chroma,
      maxConnections: settings.chroma.maxConnections,
      generation: FIRST_GENERATION,
      shards: settings.chroma.shards,
      shardMap: firstShardMap(settings.chroma.shards, settings.chroma.instances),
    },
    ollama: servers.ollama,
    api: servers.api,
    models: servers.bringModels(),
  }) as pulumi.Output<Outputs>

  const api = servers.serveApi(outputs)
  return { outputs, report: servers.verify(outputs, api) }
}
