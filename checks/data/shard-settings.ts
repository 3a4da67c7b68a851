import { type Check, failed, ofPart, passed, skipped, together, unchecked } from '../check.ts'
import { MISMATCH_MEND, mismatches } from '../store/shards/shard-metadata.ts'

export default {
  name: 'shard-settings',
  proves:
    'Every shard that exists says of itself what the deployment says: space, dimension, model, count',
  after: ['chroma-answers'],
  async run({ deployment, scratch, signal }) {
    const { name, dimensions } = deployment.inference.model('embedding')
    if (dimensions === undefined) {
      return unchecked(
        `nobody said how long the embeddings of ${name} are`,
        'name a model of the catalog, or define it under knowledge-stack:models',
      )
    }
    const { shards } = scratch.live
    const existing = await shards.existing(signal)
    if (existing.size === 0)
      return skipped('no shard exists yet: each is made when first written to')
    const wrong = [...existing.values()].flatMap(collection => {
      const points = mismatches(shards.settings, collection)
      if (points.length === 0) return []
      const { name } = collection
      return [ofPart([name], failed(`${name}: ${points.join(', ')}`, MISMATCH_MEND))]
    })
    return wrong.length === 0
      ? passed(`${existing.size} of ${shards.settings.shards} shards exist, as the deployment says`)
      : together(wrong)
  },
} satisfies Check
