import * as pulumi from '@pulumi/pulumi'
import { LocalDeployment } from './local/deployment.ts'
import { lockRecordOf } from './local/paths.ts'
import { servedName } from './models.ts'
import type { Outputs } from './outputs.ts'
import { Model, Verification } from './resources.ts'
import { PROJECT, parseSettings } from './settings.ts'
import { FIRST_GENERATION, firstShardMap } from './shards.ts'

const TARGETS = { local: LocalDeployment }

const settings = parseSettings(pulumi.getStack(), configured())
const servers = new TARGETS[settings.target](settings.stack, { settings })

const models = settings.models.map(({ definition, contextLength }) => {
  const [{ pool, reach, modelsFolder }] = servers.ollama
  const serves = servedName(definition.name, contextLength)
  const model = new Model(
    definition.name,
    {
      definition,
      serves,
      contextLength,
      ollama: { url: reach.url, modelsFolder },
      mirror: settings.modelMirror,
      deadline: settings.pullDeadline,
      lockRecord: lockRecordOf(settings.home),
    },
    { dependsOn: [servers], customTimeouts: { create: `${settings.pullDeadline / 1000}s` } },
  )
  return {
    role: definition.role,
    name: definition.name,
    serves,
    pool,
    digest: model.digest,
    servesDigest: model.servesDigest,
    contextLength,
    ...(definition.role === 'embedding'
      ? { dimensions: definition.dimensions, prefixes: definition.prefixes }
      : {}),
  }
})

const outputs: pulumi.Output<Outputs> = pulumi.output({
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
  models,
}) as pulumi.Output<Outputs>

const verification = new Verification(
  'verification',
  {
    deployment: outputs,
    triggers: servers.identities,
  },
  { dependsOn: [servers] },
)

export const stack = outputs.stack
export const target = outputs.target
export const chroma = outputs.chroma
export const ollama = outputs.ollama
export const deployedModels = outputs.models
export const report = verification.report

/** The stack's configuration as Pulumi has it, without the project's prefix. */
function configured(): Record<string, unknown> {
  const prefix = `${PROJECT}:`
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  )
}
