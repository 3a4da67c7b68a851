import * as pulumi from '@pulumi/pulumi'
import type { Workload } from './capacity/workload.ts'
import { deployModels } from './deployed-models.ts'
import { LocalDeployment } from './local/deployment.ts'
import type { Outputs } from './outputs.ts'
import { Verification } from './resources.ts'
import { parseSettings, type Settings } from './settings.ts'
import { FIRST_GENERATION, firstShardMap } from './shards.ts'

const TARGETS = { local: LocalDeployment }

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

  const servers = new TARGETS[settings.target](stack, {
    settings,
    workloads: plan?.workloads ?? [],
  })

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
    models: deployModels(settings, servers),
  }) as pulumi.Output<Outputs>

  const api = servers.serveApi(outputs)
  const { report } = new Verification(
    'verification',
    { deployment: outputs, triggers: [...servers.identities, api.identity] },
    { dependsOn: [servers] },
  )
  return { outputs, report }
}
