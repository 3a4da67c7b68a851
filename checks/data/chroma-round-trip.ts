import { ChromaClient, type Collection } from 'chromadb'
import { reasonOf } from '../../infra/failure.ts'
import { collectionOf } from '../../infra/shards.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import { type Check, type CheckContext, type Finding, failed, passed, together } from '../check.ts'
import type { NewRecord } from '../chroma/chroma-records.ts'
import { TENANT } from '../chroma/chroma-server.ts'
import { PROBE_DOCUMENT, PROBE_VERSIONS } from '../probe/scratch.ts'
import { vectorFor } from '../probe/vectors.ts'
import { scoped } from '../store/filter/filter.ts'
import { documentRecords } from '../store/records/document.ts'
import { VECTORS, VERIFICATION_MARKS } from '../store/records/metadata.ts'
import { SPACE } from '../store/shards/shard-metadata.ts'
import type { Connection } from '../transport/connection.ts'

const DEADLINE: Millis = seconds(20)
const TEXTS = ['one', 'two', 'three']

/**
 * Only this proves that a Chroma server works: its own health route says yes whatever happens to the data.
 * It goes through the `chromadb` client, as other applications may, past the store.
 */
export default {
  name: 'chroma-round-trip',
  proves:
    'What a client writes to a Chroma server is found by query and get, and gone once deleted',
  after: ['chroma-answers', 'chroma-room', 'shard-settings'],
  writes: true,
  async run(context) {
    const findings: Finding[] = []
    for (const shard of await context.scratch.shardPerInstance(context.signal)) {
      findings.push(await roundTrip(context, shard))
    }
    return together(findings)
  },
} satisfies Check

async function roundTrip(context: CheckContext, shard: number): Promise<Finding> {
  const { scratch, signal } = context
  const { connection } = scratch.live.shards.server(shard)
  const { label } = connection
  const { shards } = await scratch.store(shard, signal)
  const client = clientFor(connection, shards.database, signal)
  const isLive = await scratch.isLive(shard, signal)
  try {
    const live = isLive ? (await shards.existing(signal)).get(shard) : undefined
    const name = live?.name ?? collectionOf(shard)
    const collection = isLive
      ? await client.getCollection({ name })
      : await client.createCollection({
          name,
          embeddingFunction: null,
          metadata: shards.settings.metadata,
          configuration: { hnsw: { space: SPACE } },
        })
    const wrong = await whatGoesWrong(context, shard, collection)
    return wrong === undefined
      ? passed(`${label} keeps, finds and deletes records`)
      : failed(`${label}: ${wrong}`)
  } catch (error) {
    signal.throwIfAborted()
    return failed(`${label} does not keep, find and delete records: ${reasonOf(error)}`)
  }
}

async function whatGoesWrong(
  { scratch, signal, now }: CheckContext,
  shard: number,
  collection: Collection,
): Promise<string | undefined> {
  const { dimension } = scratch.live.shards.settings
  const { id: creator } = await scratch.creator(shard, 'client', signal)
  // Others than those of earlier runs: what was deleted stays in Chroma's index, and hides what is near.
  const chunks = TEXTS.map(text => ({ text, vector: vectorFor(`${creator} ${text}`, dimension) }))
  const document = { id: PROBE_DOCUMENT, vectors: VECTORS.given, metadata: {}, chunks }
  const version = PROBE_VERSIONS.at(-1)!
  const records = documentRecords(creator, document, version, now(), VERIFICATION_MARKS)
  const ids = records.map(({ id }) => id)
  const [first, second] = records as [NewRecord, NewRecord, NewRecord]
  const where = scoped(creator)

  await collection.add({
    ids,
    embeddings: records.map(({ vector }) => vector),
    documents: records.map(({ text }) => text),
    metadatas: records.map(({ metadata }) => metadata),
  })
  const queryEmbeddings = records.map(({ vector }) => vector)
  const found = await collection.query({ queryEmbeddings, nResults: 1, where })
  // Some of a shard's records Chroma's index never reaches, however sound the server is; `chunks-found` counts them.
  if (!ids.some((id, at) => found.ids[at]?.[0] === id)) {
    return 'a query finds none of the records by its own vector'
  }
  const got = await collection.get({ ids: [first.id], where, include: ['documents'] })
  if (got.documents[0] !== first.text) return 'a record came back other than it was written'
  await collection.delete({ ids: [second.id], where })
  const left = await collection.get({ ids, where })
  if (left.ids.includes(second.id)) return 'a deleted record is still there'
  return left.ids.length === 2 ? undefined : 'not all that was written is there'
}

function clientFor(
  { url, headers }: Pick<Connection, 'url' | 'headers'>,
  database: string,
  signal: AbortSignal,
): ChromaClient {
  const { hostname, port, protocol } = new URL(url)
  const ssl = protocol === 'https:'
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)])
  return new ChromaClient({
    host: hostname,
    port: port === '' ? (ssl ? 443 : 80) : Number(port),
    ssl,
    tenant: TENANT,
    database,
    headers: { ...headers },
    // The client has no deadline for a call: this one is for all of them.
    fetchOptions: { signal: deadline },
  })
}
