import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { FIRST_GENERATION, firstShardMap } from '../../../infra/shards.ts'

export const EMBEDDING_MODEL = {
  role: 'embedding' as const,
  name: 'all-minilm:latest',
  serves: 'all-minilm:latest-ctx512',
  pool: 'default',
  contextLength: 512,
  dimensions: 384,
  prefixes: { document: '', query: '' },
}

export const CHAT_MODEL = {
  role: 'chat' as const,
  name: 'smollm2:135m',
  serves: 'smollm2:135m-ctx2048',
  pool: 'default',
  contextLength: 2048,
}

/** A port where nothing listens, for suites that need one of the two servers only. */
const NOBODY = 'http://127.0.0.1:9'

/** The outputs of a deployment of these servers. */
export function outputsOf(
  servers: { chroma?: string[]; ollama?: string; shards?: number; dimensions?: number } = {},
): Outputs {
  const [first = NOBODY, ...others] = servers.chroma ?? []
  const shards = servers.shards ?? 10
  const { dimensions = EMBEDDING_MODEL.dimensions } = servers
  return {
    stack: 'test',
    target: 'local',
    chroma: {
      instances: [direct(first), ...others.map(direct)],
      maxConnections: 4,
      generation: FIRST_GENERATION,
      shards,
      shardMap: firstShardMap(shards, 1 + others.length),
    },
    ollama: [{ pool: 'default', ...direct(servers.ollama ?? NOBODY) }],
    models: [{ ...EMBEDDING_MODEL, dimensions }, { ...CHAT_MODEL }],
  }
}

const direct = (url: string) => ({ reach: { kind: 'direct' as const, url } })

/** The store of a deployment, for suites that talk to it alone. */
export async function openStore(outputs: Outputs) {
  const deployment: ConnectedDeployment = await openDeployment(outputs)
  return { deployment, knowledge: deployment.knowledge(), close: () => deployment.close() }
}
