import { ChromaClient } from 'chromadb'
import { reasonOf } from '../infra/failure.ts'
import { type Millis, seconds } from '../infra/units.ts'
import { type Check, type Context, type Finding, failed, passed, together } from './check.ts'
import { TENANT } from './chroma/server.ts'

const DEADLINE: Millis = seconds(20)
const COLLECTION = 'round_trip'
const SHORT_DIMENSION = 8

/**
 * Only this proves that a Chroma server works: its own health route says yes whatever happens to the data.
 * It goes through the `chromadb` client, as applications do, and in a throwaway database, so that it says
 * something about a server without any shard too.
 */
export default {
  name: 'chroma-round-trip',
  proves: 'What is written to a Chroma server is found by query and get, and gone once deleted',
  after: ['chroma-answers'],
  writes: true,
  async run(context) {
    const findings: Finding[] = []
    for (const instance of context.deployment.chroma.keys()) {
      findings.push(await roundTrip(context, instance))
    }
    return together(findings)
  },
} satisfies Check

async function roundTrip(context: Context, instance: number): Promise<Finding> {
  const { connection } = context.deployment.chroma[instance]!
  const database = await context.scratch.database(instance, context.signal)
  const client = clientFor(connection.url, database, context.signal)
  try {
    const wrong = await whatGoesWrong(client)
    return wrong === undefined
      ? passed(`${connection.label} keeps, finds and deletes records`)
      : failed(`${connection.label}: ${wrong}`)
  } catch (error) {
    context.signal.throwIfAborted()
    return failed(`${connection.label} does not keep, find and delete records: ${reasonOf(error)}`)
  }
}

async function whatGoesWrong(client: ChromaClient): Promise<string | undefined> {
  const collection = await client.createCollection({
    name: COLLECTION,
    embeddingFunction: null,
    configuration: { hnsw: { space: 'cosine' } },
  })
  const ids = ['one', 'two', 'three']
  await collection.add({
    ids,
    embeddings: ids.map((_, axis) => unit(axis)),
    documents: ids,
    metadatas: [{ side: 'left' }, { side: 'right' }, { side: 'left' }],
  })
  if ((await collection.count()) !== ids.length) return 'not all that was written is counted'
  const found = await collection.query({
    queryEmbeddings: [unit(1)],
    nResults: ids.length,
    where: { side: 'left' },
  })
  if (found.ids[0]?.toSorted().join() !== 'one,three') return 'a query with a filter found others'
  const got = await collection.get({ ids: ['two'], include: ['documents', 'metadatas'] })
  if (got.documents[0] !== 'two' || got.metadatas[0]?.side !== 'right') {
    return 'a record came back other than it was written'
  }
  await collection.delete({ ids: ['two'] })
  const left = await collection.get({})
  return left.ids.toSorted().join() === 'one,three' ? undefined : 'a deleted record is still there'
}

function clientFor(url: string, database: string, signal: AbortSignal): ChromaClient {
  const { hostname, port, protocol } = new URL(url)
  const ssl = protocol === 'https:'
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)])
  return new ChromaClient({
    host: hostname,
    port: port === '' ? (ssl ? 443 : 80) : Number(port),
    ssl,
    tenant: TENANT,
    database,
    // The client has no deadline for a call: this one is for all of them.
    fetchOptions: { signal: deadline },
  })
}

const unit = (axis: number): number[] =>
  Array.from({ length: SHORT_DIMENSION }, (_, index) => (index === axis ? 1 : 0))
