import { type Check, type Context, failed, passed } from './check.ts'
import type { Creator } from './knowledge/creator.ts'
import { vectorFor } from './probe/vectors.ts'

/** Of one name with every creator, so that only the creator tells the records apart. */
const DOCUMENT = 'same-name'

export default {
  name: 'creators-apart',
  proves: "Two creators of one shard, and two of different shards, never see each other's records",
  after: ['chroma-answers', 'chroma-round-trip', 'shard-settings'],
  writes: true,
  async run(context) {
    const [a, b, c] = await threeCreators(context)
    for (const creator of [a, b, c]) await write(context, creator)
    for (const [own, other] of [
      [a, b],
      [b, a],
      [a, c],
      [c, a],
    ] as const) {
      const leak = await whatLeaks(context, own, other)
      if (leak !== undefined) {
        const where = own.shard === other.shard ? 'the same shard' : 'another shard'
        return failed(`a creator ${leak} of a creator in ${where}`)
      }
    }
    return passed(
      `creators in shards ${a.shard}, ${b.shard} and ${c.shard} see their own records only`,
    )
  },
} satisfies Check

/** Two in one shard and one in another, in shards that exist if there are any. */
async function threeCreators({ scratch, signal }: Context): Promise<[Creator, Creator, Creator]> {
  const { shards } = scratch.live
  const existing = [...(await shards.existing(signal)).keys()]
  const all = Array.from({ length: shards.settings.shards }, (_, shard) => shard)
  const [first = 0, second = 1] = [...new Set([...existing, ...all])]
  return [
    await scratch.creator(first, 'apart-a', signal),
    await scratch.creator(first, 'apart-b', signal),
    await scratch.creator(second, 'apart-c', signal),
  ]
}

async function write({ scratch, signal }: Context, creator: Creator): Promise<void> {
  const vector = vectorFor(creator.id, scratch.live.shards.settings.dimension)
  await creator.upsert([{ id: DOCUMENT, chunks: [{ text: creator.id, vector }] }], signal)
}

/** What `own` gets to see or to touch that is the `other`'s. The text of each record is its creator's id. */
async function whatLeaks(
  { scratch, signal }: Context,
  own: Creator,
  other: Creator,
): Promise<string | undefined> {
  const vector = vectorFor(other.id, scratch.live.shards.settings.dimension)
  const hits = await own.query({ vector }, { count: 10 }, signal)
  if (hits.some(hit => hit.text !== own.id)) return 'finds by query a record'
  const chunks = await own.get({ documents: [DOCUMENT] }, {}, signal)
  if (chunks.some(chunk => chunk.text !== own.id)) return 'gets a record'
  if ((await own.count({}, signal)) !== 1) return 'counts records'
  await own.delete({ documents: [DOCUMENT] }, signal)
  if ((await other.count({}, signal)) !== 1) return 'deletes a record'
  await write({ scratch, signal } as Context, own)
  return undefined
}
