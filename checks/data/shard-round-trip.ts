import { type Check, type CheckContext, failed, passed } from '../check.ts'
import { PROBE_DOCUMENT } from '../probe/scratch.ts'
import { vectorFor } from '../probe/vectors.ts'

const TEXT = 'Written by the verification, and deleted by it.'

export default {
  name: 'shard-round-trip',
  proves:
    'Every shard that exists takes a document, finds it by query, gives it back, and deletes it',
  after: ['chroma-answers', 'chroma-round-trip', 'shard-settings'],
  writes: true,
  async run(context) {
    const { scratch, signal } = context
    const probed = await scratch.shards(signal)
    let live = 0
    for (const shard of probed) {
      const wrong = await whatGoesWrong(context, shard)
      if (wrong !== undefined) return failed(`shard ${shard}: ${wrong}`)
      if (await scratch.isLive(shard, signal)) live += 1
    }
    const apart = probed.length - live
    return passed(
      apart === 0
        ? `${live} shards work`
        : `${live} shards work; for ${apart} of ${scratch.live.shards.settings.shards}, where an instance has none yet, a throwaway one does`,
    )
  },
} satisfies Check

async function whatGoesWrong(context: CheckContext, shard: number): Promise<string | undefined> {
  const { scratch, signal } = context
  const creator = await scratch.creator(shard, 'round-trip', signal)
  const vector = vectorFor(creator.id, scratch.live.shards.settings.dimension)
  await creator.upsert([{ id: PROBE_DOCUMENT, chunks: [{ text: TEXT, vector }] }], signal)
  const [hit] = await creator.query({ vector }, { count: 1 }, signal)
  if (hit?.document !== PROBE_DOCUMENT) return 'a query does not find what was written'
  const [chunk] = await creator.get({ documents: [PROBE_DOCUMENT] }, {}, signal)
  if (chunk?.text !== TEXT) return 'get gives back something else than was written'
  await creator.delete({ documents: [PROBE_DOCUMENT] }, signal)
  return (await creator.count({}, signal)) === 0 ? undefined : 'a deleted document is still there'
}
