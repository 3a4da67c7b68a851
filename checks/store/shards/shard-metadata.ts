import { Failure } from '../../../infra/failure.ts'
import type { DeployedModel, Outputs } from '../../../infra/outputs.ts'
import { HASH_VERSION } from '../../../infra/shards.ts'
import type { CollectionInfo, CollectionMetadata } from '../../chroma/chroma-server.ts'

/** The distance of every shard. Chroma's own default is l2. */
export const SPACE = 'cosine'

/** What a deployment says about all its shards, and each collection about itself. */
export interface ShardSettings {
  generation: number
  shards: number
  /** The model that makes its vectors. */
  embeddingModel: string
  /** Length of a vector. */
  dimension: number
  metadata: CollectionMetadata
}

/**
 * The length of a model's vectors.
 * @throws Failure `misused` when nobody knows it: the first vector written would fix it for good
 */
export function dimensionOf({ name, dimensions }: DeployedModel): number {
  if (dimensions !== undefined) return dimensions
  throw new Failure(
    'misused',
    `The length of the embeddings of ${name} is not known, so no shard can be opened`,
    { mend: 'name a model of the catalog, or define it under knowledge-stack:models' },
  )
}

/** @throws Failure as dimensionOf does */
export function shardSettings(
  chroma: Pick<Outputs['chroma'], 'generation' | 'shards'>,
  model: DeployedModel,
): ShardSettings {
  const dimension = dimensionOf(model)
  const metadata: CollectionMetadata = {
    generation: chroma.generation,
    shard_count: chroma.shards,
    hash_version: HASH_VERSION,
    embedding_model: model.name,
    dimension,
    space: SPACE,
    document_prefix: model.prefixes?.document ?? '',
    query_prefix: model.prefixes?.query ?? '',
  }
  // Of the model itself and not of what serves it: a longer context makes another manifest, not other vectors.
  if (model.digest !== undefined) metadata.embedding_digest = model.digest
  return {
    generation: chroma.generation,
    shards: chroma.shards,
    embeddingModel: model.name,
    dimension,
    metadata,
  }
}

/** In which points a collection differs from the deployment: `space is l2 and should be cosine`. */
export function mismatches(settings: ShardSettings, collection: CollectionInfo): string[] {
  const own = collection.metadata ?? {}
  if (own.generation === undefined)
    return ['it says nothing of itself, so the store did not make it']
  const said = Object.entries(settings.metadata)
    // A digest that one side never recorded cannot be compared.
    .filter(([key]) => key !== 'embedding_digest' || own[key] !== undefined)
    .map(([key, wanted]) => compare(key, own[key], wanted))
  const { hnsw } = collection.configuration_json
  const real = [
    compare('the index space', hnsw?.space, SPACE),
    compare(
      "the index's dimension",
      collection.dimension ?? settings.dimension,
      settings.dimension,
    ),
  ]
  return [...said, ...real].filter(difference => difference !== undefined)
}

function compare(what: string, found: unknown, wanted: unknown): string | undefined {
  if (found === wanted) return undefined
  return `${what} is ${JSON.stringify(found) ?? 'not recorded'} and should be ${JSON.stringify(wanted)}`
}

export const MISMATCH_MEND = 'deploy with the settings that the data has'

/** The data was made for another deployment than the one that asks. */
export class StoreMismatch extends Failure {}

/** @throws StoreMismatch `misused` with every point in which the collection differs */
export function refuseMismatch(settings: ShardSettings, collection: CollectionInfo): void {
  const found = mismatches(settings, collection)
  if (found.length === 0) return
  throw new StoreMismatch(
    'misused',
    `The collection ${collection.name} does not fit the deployment: ${found.join('; ')}`,
    { mend: MISMATCH_MEND },
  )
}
