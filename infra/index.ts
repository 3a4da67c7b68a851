import * as pulumi from '@pulumi/pulumi'
import { planHere } from '../provision/plan/plan.ts'
import { describeVerdict, requireFit } from './capacity/stack-plan.ts'
import { deployModels } from './deployed-models.ts'
import { LocalDeployment } from './local/deployment.ts'
import type { Outputs } from './outputs.ts'
import { Verification } from './resources.ts'
import { PROJECT, parseSettings } from './settings.ts'
import { FIRST_GENERATION, firstShardMap } from './shards.ts'

const TARGETS = { local: LocalDeployment }

const settings = parseSettings(pulumi.getStack(), configured())

const plan = await planHere(settings)
if (settings.deployUnfit) pulumi.log.warn(`deployUnfit is set. ${describeVerdict(plan)}`)
else requireFit(plan)

const servers = new TARGETS[settings.target](settings.stack, { settings })

const outputs = pulumi.output({
  stack: settings.stack,
  target: settings.target,
  chroma: {
    instances: servers.chroma,
    maxConnections: settings.chroma.maxConnections,
    generation: FIRST_GENERATION,
    shards: settings.chroma.shards,
    shardMap: firstShardMap(settings.chroma.shards, settings.chroma.instances),
  },
  ollama: servers.ollama,
  models: deployModels(settings, servers),
}) as pulumi.Output<Outputs>

const verification = new Verification(
  'verification',
  { deployment: outputs, triggers: servers.identities },
  { dependsOn: [servers] },
)

export const { stack, target, chroma, ollama, models } = outputs
/** The report of the last verification that was part of an update. */
export const { report } = verification

/** The stack's configuration as Pulumi has it, without the project's prefix. */
function configured(): Record<string, unknown> {
  const prefix = `${PROJECT}:`
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  )
}
