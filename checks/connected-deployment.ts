import { Failure } from '../infra/failure.ts'
import { type DeployedModel, type Endpoint, Outputs } from '../infra/outputs.ts'
import { databaseOf } from '../infra/shards.ts'
import { ChromaServer } from './chroma/chroma-server.ts'
import { type Disk, diskBehind, diskOf } from './chroma/disk-room.ts'
import { Inference } from './inference/inference.ts'
import { OllamaServer } from './inference/ollama-server.ts'
import { BackupRecords } from './store/backup-records.ts'
import { TextEmbedder } from './store/embedder.ts'
import { EmbeddingTurns } from './store/embedding-turns.ts'
import { ForgottenCreators } from './store/forgotten.ts'
import { Generations } from './store/generations.ts'
import { Knowledge } from './store/knowledge.ts'
import { Nearest } from './store/query/nearest.ts'
import { VersionStore } from './store/query/write-version-store.ts'
import { WriteVersions } from './store/query/write-versions.ts'
import { CreatorQuota } from './store/quota/creator-quota.ts'
import { CreatorUsage } from './store/quota/creator-usage.ts'
import { KeyedLimit } from './store/scope/keyed-limit.ts'
import { KeyedMutex } from './store/scope/keyed-mutex.ts'
import { ShardCollections } from './store/shards/shard-collections.ts'
import { LayoutRecords } from './store/shards/shard-layout.ts'
import { dimensionOf, shardSettings } from './store/shards/shard-metadata.ts'
import type { MoveTarget } from './store/shards/shard-move.ts'
import { VerificationRecord } from './store/verification-record.ts'
import { type ConnectedEndpoint, connect } from './transport/connect.ts'
import { Connection, type Fetch } from './transport/connection.ts'

/** Ollama queues what it cannot answer at once, so more connections than this only make the queue invisible. */
const OLLAMA_CONNECTIONS = 8
/**
 * Chroma takes writes one after another; while one is applied it takes in the next. With as many writes as connections
 * a question waited 76 ms for its turn, beside 500 chunks a second; with two at a time 10 (measured, 300,000 chunks).
 */
const CHROMA_WRITERS = 2
/** Of the connections for reading, what one creator's may have: however many those are, others find one. */
const READER_SHARE = 1 / 2
/** For an embedding model whose context nobody recorded: what the smallest of them takes. */
export const SMALLEST_CONTEXT = 512

/** The servers of a deployment, reached. */
export interface ConnectedDeployment {
  outputs: Outputs
  /** In instance order. */
  chroma: readonly ChromaServer[]
  /** By pool. */
  ollama: ReadonlyMap<string, OllamaServer>
  /** The HTTP API; undefined where none is deployed. */
  api: Pick<ConnectedEndpoint, 'url' | 'headers'> | undefined
  inference: Inference
  /**
   * The store of the deployment's generation, or the one in another database: the verification keeps its own
   * apart. @throws Failure `misused` when the deployment has no embedding model, or nobody knows its dimension
   */
  knowledge(database?: string): Knowledge
  /** The texts of the store by an embedding model of the deployment. @throws Failure as `knowledge` does */
  embedder(model: DeployedModel): TextEmbedder
  close(): Promise<void>
}

export interface OpenOptions {
  /** Sends the requests in place of the pooled one. */
  fetch?: Fetch | undefined
  now?: () => number
}

/**
 * The one place where outputs become URLs and URLs become clients. Nothing is sent yet.
 * @throws Failure `misused` for invalid outputs
 */
export async function openDeployment(
  outputs: Outputs,
  options: OpenOptions = {},
): Promise<ConnectedDeployment> {
  const parsed = Outputs.safeParse(outputs)
  if (!parsed.success) {
    throw new Failure('misused', 'The stack has no valid outputs', {
      mend: 'deploy it: npm run up',
      cause: parsed.error,
    })
  }
  const { chroma, ollama, api, models } = parsed.data
  const ways = await openAll({
    chroma: chroma.instances,
    ollama,
    api: api === undefined ? [] : [api],
  })
  const { fetch } = options
  const limits = { maxConnections: chroma.maxConnections, maxWriting: CHROMA_WRITERS }
  const servers = ways.chroma.map(({ url, headers }, index) => {
    const connection = new Connection('Chroma', url, { ...limits, headers, fetch })
    return new ChromaServer(connection, diskFor(connection, parsed.data, index))
  })
  const pools = new Map(
    ways.ollama.map(({ url, headers }, index) => [
      ollama[index]!.pool,
      new OllamaServer(
        new Connection('Ollama', url, { maxConnections: OLLAMA_CONNECTIONS, headers, fetch }),
      ),
    ]),
  )
  const inference = new Inference(models, pools)
  const writes = new KeyedMutex()
  const readers = Math.min(...servers.map(({ connection }) => connection.readers))
  const reads = new KeyedLimit(Math.max(1, Math.floor(readers * READER_SHARE)))
  // Of each model one, whose texts take turns.
  const embedders = new Map<DeployedModel, TextEmbedder>()
  const embedder = (model: DeployedModel): TextEmbedder => {
    const known = embedders.get(model)
    if (known !== undefined) return known
    const turns = new EmbeddingTurns((texts, signal) => inference.embed(texts, { model, signal }))
    const made = new TextEmbedder(turns, {
      prefixes: model.prefixes ?? { document: '', query: '' },
      dimension: dimensionOf(model),
      contextLength: model.contextLength ?? SMALLEST_CONTEXT,
    })
    embedders.set(model, made)
    return made
  }
  return {
    outputs: parsed.data,
    chroma: servers,
    ollama: pools,
    api: ways.api[0],
    inference,
    embedder,
    knowledge(database = databaseOf(chroma.generation)) {
      const open = (target: MoveTarget, database: string) => {
        const { generation, shards: count, map, embeddingModel } = target
        const model = inference.model('embedding', embeddingModel)
        const settings = shardSettings({ generation, shards: count }, model)
        const stores = servers.map(server => new VersionStore(server, database))
        const storeOf = (shard: number) => stores[map[shard] ?? 0]!
        const layouts = new LayoutRecords(storeOf)
        const shards = new ShardCollections(servers, map, layouts, database, settings)
        return {
          shards,
          embedder: embedder(model),
          versions: new WriteVersions(creator => storeOf(shards.of(creator))),
          nearest: new Nearest(),
          quota: new CreatorQuota(chroma.quota, new CreatorUsage(settings.dimension)),
        }
      }
      const first = { ...chroma, map: chroma.shardMap }
      const generations = new Generations(open(first, database), target =>
        open(target, databaseOf(target.generation)),
      )
      return new Knowledge({
        generations,
        forgotten: new ForgottenCreators(servers[0]!),
        backups: new BackupRecords(servers[0]!),
        verification: new VerificationRecord(servers[0]!),
        writes,
        reads,
        now: options.now ?? Date.now,
      })
    },
    async close() {
      const connections = [...servers, ...pools.values()].map(({ connection }) => connection)
      await Promise.all(connections.map(connection => connection.close()))
      await ways.close()
    },
  }
}

/** How the disk of an instance is seen; undefined for one that this project did not deploy. */
function diskFor(connection: Connection, outputs: Outputs, index: number): Disk | undefined {
  const { dataFolder } = outputs.chroma.instances[index]!
  if (dataFolder !== undefined) return diskOf(connection, dataFolder)
  const hasProxy = outputs.target === 'docker' || outputs.target === 'kubernetes'
  return hasProxy ? diskBehind(connection) : undefined
}

type Kind = 'chroma' | 'ollama' | 'api'
type Ways = Record<Kind, ConnectedEndpoint[]> & { close(): Promise<void> }

/** Opens the ways to all servers; when one cannot be opened, those that were are closed again. */
async function openAll(servers: Record<Kind, readonly { reach: Endpoint }[]>): Promise<Ways> {
  const opened: ConnectedEndpoint[] = []
  const close = async () => {
    await Promise.all(opened.map(way => way.close()))
  }
  const open = async (list: readonly { reach: Endpoint }[]) => {
    const ways: ConnectedEndpoint[] = []
    for (const { reach } of list) {
      const way = await connect(reach)
      opened.push(way)
      ways.push(way)
    }
    return ways
  }
  try {
    const chroma = await open(servers.chroma)
    const ollama = await open(servers.ollama)
    return { chroma, ollama, api: await open(servers.api), close }
  } catch (error) {
    await close()
    throw error
  }
}
