import type { ModelDefinition } from '../settings/model-definition.ts'
import type { Settings } from '../settings/parse-settings.ts'
import type { Architecture } from './model/architecture.ts'
import type { StackDemand } from './stack.ts'

/** Bytes of text and metadata beside a chunk's vector, where nobody says otherwise. */
const METADATA_BYTES = 1000

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
    ...(settings.target === 'kubernetes' && { pods: podsOf(settings) }),
  }
}

/** The fewest that there will be: what the autoscaler adds, it adds where there is room. */
const podsOf = ({ kubernetes: { replicas, autoscaling, verification } }: Settings) => ({
  ollama: autoscaling.ollama?.min ?? replicas.ollama,
  api: autoscaling.api?.min ?? replicas.api,
  verification,
})
