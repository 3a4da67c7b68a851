import { Outputs } from '../../../infra/outputs.ts'
import { openStore } from '../store/deployment.ts'
import { documentOf } from './chunk-texts.ts'
import type { BulkAnswer, BulkOrder } from './killable-bulk.ts'

/** A process that puts documents of many creators in whenever it is told to, and says when they are. */
const store = await openStore(Outputs.parse(JSON.parse(process.argv[2] ?? '')))
const underWay = new Map<number, AbortController>()

async function load({ order, documents }: Extract<BulkOrder, { documents: unknown }>) {
  const caller = new AbortController()
  underWay.set(order, caller)
  const own = Map.groupBy(documents, ({ creator }) => creator)
  const load = [...own].map(
    ([creator, all]) =>
      [
        creator,
        all.map(({ id, version, count }) => ({ id, ...documentOf(version, count) })),
      ] as const,
  )
  const failed = await store.knowledge.upsert(new Map(load), caller.signal).then(
    () => undefined,
    error => String(error),
  )
  underWay.delete(order)
  const answer: BulkAnswer = { order, failed }
  process.send!(answer)
}

process.on('message', (message: BulkOrder) => {
  if ('documents' in message) void load(message)
  else underWay.get(message.order)?.abort(new Error('the caller is gone'))
})
process.send!('ready')
