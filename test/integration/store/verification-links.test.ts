import { afterAll, beforeAll, expect, it } from 'vitest'
import { EVERYBODY } from '../../../checks/damage/shard-damage.ts'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { runChecks } from '../../../checks/run-checks.ts'
import { isReserved } from '../../../checks/store/creator-id.ts'
import { creatorOf } from '../../../checks/store/records/record-id.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { CHUNKS_PER_DOCUMENT, DIMENSION, Population } from '../../bench/knowledge/population.ts'
import { on, rewritten } from '../../faults/rewrite.ts'
import { casesOf } from '../../support/searches.ts'
import { type RunningChroma, startChroma } from '../../support/servers/chroma.ts'
import { FaultyServer } from '../../support/servers/faulty-server.ts'
import { openStore, outputsOf } from '../../support/store/deployment.ts'
import { STORE_CHECKS } from '../../support/store/store-checks.ts'

const RUNS = casesOf('verifications of a store whose index has been deleted from')
const CREATORS = 12
const CHUNKS = 2000
/** Those that look at everything write nothing. */
const CHECKS = STORE_CHECKS.filter(({ name, writes }) => writes || /^(chroma|shard)-/.test(name))

let chroma: RunningChroma
let store: Awaited<ReturnType<typeof openStore>>

beforeAll(async () => {
  chroma = await startChroma()
  store = await openStore(outputsOf({ chroma: [chroma.url], shards: 5 }))
})
afterAll(async () => {
  await store?.close()
  await chroma?.stop()
})

const verified = async (outputs: Outputs) => {
  const { signal } = new AbortController()
  const report = await runChecks(outputs, { readOnly: false, signal, checks: CHECKS })
  return report.checks.filter(({ verdict }) => verdict === 'failed')
}

/** All records of the store that the shards' indexes find. */
async function reached(): Promise<Set<string>> {
  const { shards } = store.knowledge
  const found: string[] = []
  for (const [shard, { id }] of await shards.existing()) {
    const records = shards.server(shard).records(shards.database, id)
    const vector = vectorFor('far from all', DIMENSION)
    found.push(...(await records.reachedIds(EVERYBODY, vector, await records.size())))
  }
  return new Set(found.filter(id => !isReserved(creatorOf(id)!)))
}

it(`leaves every chunk of others as reachable as it was, ${RUNS} times in a row`, async () => {
  const population = new Population(CREATORS, CHUNKS)
  const put = (chosen: (document: number) => boolean) => {
    const of = (creator: number) => population.documents(creator).filter((_, at) => chosen(at))
    const creators = Array.from({ length: CREATORS }, (_, creator) => creator)
    return store.knowledge.upsert(new Map(creators.map(own => [population.id(own), of(own)])))
  }
  await put(() => true)
  // A part is written again, so that the index has been deleted from as well.
  await put(document => document % CHUNKS_PER_DOCUMENT < 3)
  const before = await reached()
  expect(before.size).toBeGreaterThan(0.99 * CHUNKS)

  for (let run = 0; run < RUNS; run += 1)
    expect(await verified(store.deployment.outputs)).toEqual([])

  const after = await reached()
  expect([...before].filter(id => !after.has(id))).toEqual([])
})

it('does not take what Chroma’s index does not reach for a fault of the server', async () => {
  const server = await FaultyServer.before(chroma.url)
  // As seen of Chroma 1.5.9, whose index has records that no query comes by: the last of each document of three or one.
  server.fault = on(/\/query$/, exchange =>
    rewritten<{ ids: string[][] }>(exchange, answer => {
      const isReached = (list: number, at: number) => !/-2$|-1-0$/.test(answer.ids[list]![at]!)
      const columns = Object.entries<unknown>(answer).map(([name, lists]) => [
        name,
        name !== 'include' && Array.isArray(lists)
          ? lists.map((list: unknown[], index) => list.filter((_, at) => isReached(index, at)))
          : lists,
      ])
      return Object.fromEntries(columns)
    }),
  )
  try {
    const { outputs } = store.deployment
    const reach = { kind: 'direct' as const, url: server.url }
    const instances: typeof outputs.chroma.instances = [{ ...outputs.chroma.instances[0], reach }]
    expect(await verified({ ...outputs, chroma: { ...outputs.chroma, instances } })).toEqual([])
  } finally {
    await server.stop()
  }
})
