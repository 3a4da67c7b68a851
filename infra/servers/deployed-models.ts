import type * as pulumi from '@pulumi/pulumi'
import { Model } from '../resources.ts'
import { servedName } from '../settings/model-definition.ts'
import type { PlannedModel } from '../settings/parse-settings.ts'
import { modelArgs } from './model-args.ts'
import type { TargetComponent, TargetComponentArgs } from './target-component.ts'

/**
 * The models of a deployment as resources, each in the pool that the plan put it in, and what the outputs say of
 * them.
 * @param ollama the servers of the pools: models wait for them, and not for Chroma
 */
export function deployModels(
  { settings, workloads }: TargetComponentArgs,
  deployment: TargetComponent,
  ollama: pulumi.Resource[],
) {
  const timeout = `${settings.pullDeadline / 1000}s`
  const customTimeouts = { create: timeout, update: timeout }
  const [first] = deployment.ollama
  return settings.models.map(planned => {
    const { name } = planned.definition
    const workload = workloads.find(({ models }) => models.includes(name))
    const pool = deployment.ollama.find(({ pool }) => pool === workload?.pool) ?? first
    const args = modelArgs(planned, settings, pool, deployment.provisionerToken)
    const { digest, servesDigest } = new Model(name, args, { dependsOn: ollama, customTimeouts })
    return { ...describeModel(planned, pool.pool), digest, servesDigest }
  })
}

/** What the outputs say of a model of the settings, but for its digests. */
export function describeModel({ definition, contextLength }: PlannedModel, pool: string) {
  const { name, role } = definition
  const vectors =
    definition.role === 'embedding'
      ? { dimensions: definition.dimensions, prefixes: definition.prefixes }
      : {}
  return { role, name, serves: servedName(name, contextLength), pool, contextLength, ...vectors }
}
