import type { Where } from 'chromadb'
import { type Check, type CheckContext, failed, passed } from '../check.ts'
import { PROBE_DOCUMENT, PROBE_VERSIONS } from '../probe/scratch.ts'
import { vectorFor } from '../probe/vectors.ts'
import { scoped } from '../store/filter/filter.ts'
import { idsOf } from '../store/records/current-versions.ts'

/**
 * The store's isolation rests on the server applying the filters it is sent. This sends them past the store,
 * each operation on its own: a proxy, or a fault of the server, may drop them from one and not from another.
 */
export default {
  name: 'filters-applied',
  proves: 'Chroma applies the creator filter to query, get and delete',
  after: ['chroma-answers', 'chroma-round-trip', 'shard-settings'],
  writes: true,
  async run(context) {
    const { shards } = context.scratch.live
    for (const shard of await context.scratch.shardPerInstance(context.signal)) {
      const wrong = await whatGoesWrong(context, shard)
      if (wrong !== undefined) return failed(`${shards.server(shard).connection.label} ${wrong}`)
    }
    return passed(
      'a filter holds on get, query and delete, and one that matches nothing finds nothing',
    )
  },
} satisfies Check

async function whatGoesWrong(context: CheckContext, shard: number): Promise<string | undefined> {
  const { scratch, signal } = context
  const own = await scratch.creator(shard, 'filter-own', signal)
  const other = await scratch.creator(shard, 'filter-other', signal)
  const nobody = await scratch.creator(shard, 'filter-nobody', signal)
  const { dimension } = scratch.live.shards.settings
  const version = PROBE_VERSIONS.at(-1)!
  for (const creator of [own, other]) {
    const chunks = Array.from({ length: version.count }, (_, chunk) => {
      const text = `${creator.id} ${chunk}`
      return { text, vector: vectorFor(text, dimension) }
    })
    await creator.upsert([{ id: PROBE_DOCUMENT, chunks }], signal)
  }
  const vector = vectorFor(`${other.id} 0`, dimension)
  const ids = idsOf(own.id, PROBE_DOCUMENT, version)
  const { shards } = await scratch.store(shard, signal)
  return shards.readShard(
    shard,
    'has lost the shard that was just written to',
    async records => {
      const get = (where: Where) => records.get(where, { include: [], limit: 10 }, signal)
      const query = (where: Where) =>
        records.query(where, vector, { include: [], count: 10 }, signal)
      for (const [name, find] of Object.entries({ get, query })) {
        if ((await find(scoped(nobody.id))).length > 0) return `ignores the filter of a ${name}`
        const found = (await find(scoped(own.id))).map(({ id }) => id)
        // A query may miss some: Chroma's index does not reach all.
        const isRight = find === get ? found.length === ids.length : found.length > 0
        if (!isRight || !found.every(id => ids.includes(id)))
          return `applies the filter of a ${name} wrongly`
      }
      // By id as well: were the filter ignored, nothing but the verification's own record would go.
      await records.delete(scoped(nobody.id), ids, signal)
      const left = await get(scoped(own.id))
      return left.length === ids.length ? undefined : 'ignores the filter of a delete'
    },
    signal,
  )
}
