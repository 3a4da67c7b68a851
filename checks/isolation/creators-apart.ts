import { type Check, type CheckContext, failed, passed } from '../check.ts'
import { PROBE_DOCUMENT } from '../probe/scratch.ts'
import { vectorFor } from '../probe/vectors.ts'
import type { Creator } from '../store/creator.ts'

export default {
  name: 'creators-apart',
  proves: "Two creators of one shard, and two of different shards, never see each other's records",
  after: ['chroma-answers', 'chroma-round-trip', 'shard-settings'],
  writes: true,
  async run(context) {
    const [a, b, c] = await threeCreators(context)
    for (const creator of [a, b, c]) await write(context, creator)
    const pairs = [
      [a, b],
      [b, a],
      [a, c],
      [c, a],
    ] as const
    for (const [own, other] of pairs) {
      const seen = await whatIsSeen(context, own, other)
      if (seen !== undefined)
        return failed(`a creator ${seen} of a creator in ${where(own, other)}`)
    }
    await a.delete({ documents: [PROBE_DOCUMENT] }, context.signal)
    for (const other of [b, c]) {
      if ((await other.count({}, context.signal)) !== 1) {
        return failed(`a creator deletes a record of a creator in ${where(a, other)}`)
      }
    }
    return passed(
      `creators in shards ${a.shard}, ${b.shard} and ${c.shard} see their own records only`,
    )
  },
} satisfies Check

const where = (own: Creator, other: Creator): string =>
  own.shard === other.shard ? 'the same shard' : 'another shard'

/** Two in one shard and one in another, in shards that exist if there are any. */
async function threeCreators({
  scratch,
  signal,
}: CheckContext): Promise<[Creator, Creator, Creator]> {
  const [first = 0, ...others] = await scratch.shards(signal)
  const second = others[0] ?? (first === 0 ? 1 : 0)
  return [
    await scratch.creator(first, 'apart-a', signal),
    await scratch.creator(first, 'apart-b', signal),
    await scratch.creator(second, 'apart-c', signal),
  ]
}

async function write({ scratch, signal }: CheckContext, creator: Creator): Promise<void> {
  const vector = vectorFor(creator.id, scratch.live.shards.settings.dimension)
  await creator.upsert([{ id: PROBE_DOCUMENT, chunks: [{ text: creator.id, vector }] }], signal)
}

/** What `own` gets to see that is the `other`'s. The text of each record is its creator's id. */
async function whatIsSeen(
  { scratch, signal }: CheckContext,
  own: Creator,
  other: Creator,
): Promise<string | undefined> {
  const vector = vectorFor(other.id, scratch.live.shards.settings.dimension)
  const hits = await own.query({ vector }, { count: 10 }, signal)
  if (hits.some(hit => hit.text !== own.id)) return 'finds by query a record'
  const chunks = await own.get({ documents: [PROBE_DOCUMENT] }, {}, signal)
  if (chunks.some(chunk => chunk.text !== own.id)) return 'gets a record'
  return (await own.count({}, signal)) === 1 ? undefined : 'counts records'
}
