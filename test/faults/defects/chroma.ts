import { RECORD_KEYS, VERIFICATION } from '../../../checks/store/records/metadata.ts'
import type { Defect } from '../defect.ts'
import { on } from '../rewrite.ts'
import type { World } from '../world.ts'

/** A Chroma that answers its heartbeat, and does not do what it is asked. */
export const CHROMA: Defect[] = [
  {
    defect: 'heartbeat fine, but writes fail',
    done: 'add, upsert, update and delete are answered with 500',
    caughtBy: ['chroma-round-trip', 'nothing-left'],
    says: /does not keep, find and delete records: .*readonly database/,
    make({ chroma }) {
      const error = { error: 'InternalError', message: 'attempt to write a readonly database' }
      chroma.fault = on(/\/(add|upsert|update|delete)$/, async () =>
        Response.json(error, { status: 500 }),
      )
      return {}
    },
  },
  {
    defect: 'writes are acknowledged and lost',
    done: 'add and upsert are answered with success and go nowhere',
    caughtBy: ['chroma-round-trip'],
    says: /a query finds none of the records by its own vector/,
    make({ chroma }) {
      chroma.fault = on(/\/(add|upsert)$/, async () => Response.json({}, { status: 201 }))
      return {}
    },
  },
  {
    defect: 'deletes are acknowledged and not done',
    done: 'delete is answered with success and goes nowhere',
    caughtBy: ['chroma-round-trip', 'nothing-left'],
    says: /a deleted record is still there/,
    make(world) {
      world.chroma.fault = on(/\/delete$/, async () => Response.json({ deleted: 1 }))
      return { mend: () => deleteProbes(world) }
    },
  },
  {
    defect: 'one shard takes no writes',
    done: 'writes into the last shard are answered with 500',
    caughtBy: ['shard-round-trip'],
    says: /disk I\/O error/,
    async make({ chroma, real }) {
      const last = [...(await real.knowledge().shards.existing()).values()].at(-1)!
      const error = { error: 'InternalError', message: 'disk I/O error' }
      chroma.fault = on(new RegExp(`${last.id}/(add|upsert)$`), async () =>
        Response.json(error, { status: 500 }),
      )
      return {}
    },
  },
  {
    defect: 'vectors that Chroma lost',
    done: 'who asks for the vectors of a record of the last shard is answered with 500',
    caughtBy: ['chunks-found'],
    says: /of \d+ records 2 have lost their vectors/,
    async make({ chroma, real }) {
      const { shards } = real.knowledge()
      const [shard, last] = [...(await shards.existing())].at(-1)!
      const [id, other] = await shards.server(shard).records(shards.database, last.id).ids(0, 2)
      const message = 'Error executing plan: Internal error: Error getting embedding'
      chroma.fault = on(new RegExp(`${last.id}/get$`), async exchange => {
        const { ids = [], include } = exchange.body
        const isLost = ids.includes(id) || ids.includes(other)
        if (!isLost || !include.includes('embeddings')) return exchange.forward()
        return Response.json({ error: 'InternalError', message }, { status: 500 })
      })
      return {}
    },
  },
  dropsWhere('query', ['filters-applied'], /ignores the filter of a query/),
  dropsWhere(
    'get',
    ['shard-round-trip', 'creators-apart', 'filters-applied', 'nothing-left'],
    /answered with records of another creator/,
  ),
  dropsWhere('delete', ['filters-applied'], /ignores the filter of a delete/),
]

function dropsWhere(operation: string, caughtBy: Defect['caughtBy'], says: RegExp): Defect {
  return {
    defect: `\`where\` is dropped from ${operation}`,
    done: `the filter is taken out of every ${operation} on its way`,
    caughtBy,
    says,
    make({ chroma }) {
      chroma.fault = on(new RegExp(`/${operation}$`), ({ forward, body }) =>
        forward({ ...body, where: undefined }),
      )
      return {}
    },
  }
}

/** What a verification left that could not delete. */
async function deleteProbes({ real }: World): Promise<void> {
  const { shards } = real.knowledge()
  for (const [shard, { id }] of await shards.existing()) {
    const records = shards.server(shard).records(shards.database, id)
    const where = { [RECORD_KEYS.reservedFor]: { $eq: VERIFICATION } }
    await records.delete(where, undefined)
  }
}
