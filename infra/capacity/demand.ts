import { scheduledBackup } from '../settings/backup-settings.ts'
import type { ModelDefinition } from '../settings/model-definition.ts'
import type { Settings } from '../settings/parse-settings.ts'
import { METADATA_BYTES } from './chroma-memory.ts'
import type { Architecture } from './model/architecture.ts'
import type { StackDemand } from './stack.ts'

/**
 * What a stack's settings demand.
 * @param architectureOf the figures of a model: of its lock entry, or of the catalog
 */
export function demandOf(
  settings: Settings,
  architectureOf: (model: ModelDefinition) => Architecture,
): StackDemand {
  const { chroma, models } = settings
  const embedding = models.flatMap(({ definition }) =>
    definition.role === 'embedding' ? definition.dimensions : [],
  )
  return {
    ollama: settings.ollama.version,
    parallel: settings.ollama.parallel,
    kvCache: settings.ollama.kvCacheType,
    models: models.map(({ definition, contextLength }) => ({
      name: definition.name,
      role: definition.role,
      architecture: architectureOf(definition),
      contextLength,
    })),
    data: {
      ...settings.expected,
      metadataBytes: METADATA_BYTES,
      dimensions: Math.max(...embedding),
      shards: chroma.shards,
      instances: chroma.instances,
    },
    authProxies: settings.target !== 'local',
    ...(settings.target === 'kubernetes' && podsOf(settings)),
  }
}

/** The fewest that there will be, for which there has to be room, and the most, which an autoscaler may ask for. */
function podsOf({ kubernetes: { replicas, autoscaling, verification }, backup }: Settings) {
  const count = (which: 'min' | 'max') => ({
    ollama: autoscaling.ollama?.[which] ?? replicas.ollama,
    api: autoscaling.api?.[which] ?? replicas.api,
    verification,
    backup: scheduledBackup(backup) !== undefined,
  })
  const scales = autoscaling.ollama !== undefined || autoscaling.api !== undefined
  return { pods: count('min'), ...(scales && { scaled: count('max') }) }
}
