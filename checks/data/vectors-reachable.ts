import { type Check, passed, skipped } from '../check.ts'

/** A tenant and a database that nobody has. */
const NOWHERE = { tenant: 'knowledge_verify_nobody', database: 'knowledge_verify_nothing' }

/**
 * Chroma up to 1.5.9 finds a collection by its UUID alone, under whichever tenant and database it is asked for
 * (chroma-core/chroma#7462). That is how this server is, and no fault of the deployment: isolation rests on the
 * store's filters and on who can reach the server at all. So it is told and fails nothing.
 */
export default {
  name: 'collection-reach',
  proves: "It is known whether Chroma's own tenants keep a collection from who knows its UUID",
  after: ['chroma-answers', 'shard-settings'],
  async run({ scratch, signal }) {
    const { shards } = scratch.live
    const [first] = await shards.existing(signal)
    if (first === undefined) return skipped('no shard exists yet')
    const [shard, collection] = first
    return (await shards.server(shard).isFoundUnder(NOWHERE, collection.id, signal))
      ? passed('by its UUID, a collection is found under any tenant', [
          'this Chroma hands a collection to whoever knows its UUID, whatever tenant they name; what closes it: let nobody reach Chroma but the HTTP API and who holds its token, or run a Chroma with chroma-core/chroma#7249',
        ])
      : passed('a collection is found under its own tenant and database only')
  },
} satisfies Check
