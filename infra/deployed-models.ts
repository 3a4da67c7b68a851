import type * as pulumi from '@pulumi/pulumi'
import type { Deployment } from './deployment.ts'
import { modelArgs } from './model-args.ts'
import { Model } from './resources.ts'
import type { PlannedModel, Settings } from './settings.ts'

/** The models of a deployment as resources, and what the outputs say of them. */
export function deployModels(settings: Settings, servers: Deployment) {
  return settings.models.map(model => deployModel(model, settings, servers))
}

function deployModel(planned: PlannedModel, settings: Settings, servers: Deployment) {
  const [pool] = servers.ollama
  const args = modelArgs(planned, settings, pool)
  const { definition, contextLength, serves } = args
  const { name, role } = definition
  const timeout = `${settings.pullDeadline / 1000}s`
  const { digest, servesDigest } = new Model(name, args, {
    dependsOn: [servers as pulumi.Resource],
    customTimeouts: { create: timeout, update: timeout },
  })
  const vectors =
    definition.role === 'embedding'
      ? { dimensions: definition.dimensions, prefixes: definition.prefixes }
      : {}
  return { role, name, serves, pool: pool.pool, digest, servesDigest, contextLength, ...vectors }
}
