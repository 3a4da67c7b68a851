import { Failure } from '../infra/failure.ts'
import type { DeployedModel, Outputs } from '../infra/outputs.ts'
import { findModel } from '../infra/settings/model-catalog.ts'
import { type Role, withTag } from '../infra/settings/model-definition.ts'
import {
  DEFAULT_SHARDS,
  FIRST_GENERATION,
  firstShardMap,
  MAX_SHARDS,
  MIN_SHARDS,
} from '../infra/shards.ts'

const MAX_CONNECTIONS = 1000
const DEFAULT_CONNECTIONS = 10
const DEFAULT_MODELS: Record<Role, string> = {
  embedding: 'nomic-embed-text',
  chat: 'gpt-oss:20b',
}
const POOL = 'default'

/**
 * The deployment that the environment variables describe, for one that this project did not make.
 * CHROMADB_URL is one URL or a comma-separated list in instance order; OLLAMA_URL serves all models unless
 * EMBEDDING_OLLAMA_URL or CHAT_OLLAMA_URL says otherwise. CHROMADB_TOKEN and OLLAMA_TOKEN go with them where the
 * servers stand behind fronts.
 * @returns undefined when none of the URLs is set
 * @throws Failure `misused` with variable, value and what is allowed
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Outputs | undefined {
  const urls = ['CHROMADB_URL', 'OLLAMA_URL', 'EMBEDDING_OLLAMA_URL', 'CHAT_OLLAMA_URL']
  if (urls.every(name => !env[name])) return undefined
  const [first, ...others] = chromaUrls(env)
  const shards = wholeNumber(env, 'CHROMA_SHARD_COUNT', DEFAULT_SHARDS, MIN_SHARDS, MAX_SHARDS)
  const embedding = ollamaUrl(env, 'EMBEDDING_OLLAMA_URL')
  const chat = ollamaUrl(env, 'CHAT_OLLAMA_URL')
  const apart = embedding !== chat
  const chroma = (url: string) => direct(url, env.CHROMADB_TOKEN)
  const ollama = (url: string) => direct(url, env.OLLAMA_TOKEN)
  return {
    stack: 'environment',
    target: 'environment',
    chroma: {
      instances: [chroma(first), ...others.map(chroma)],
      maxConnections: wholeNumber(
        env,
        'CHROMA_MAX_CONNECTIONS_PER_INSTANCE',
        DEFAULT_CONNECTIONS,
        1,
        MAX_CONNECTIONS,
      ),
      generation: FIRST_GENERATION,
      shards,
      shardMap: firstShardMap(shards, 1 + others.length),
    },
    ollama: apart
      ? [
          { pool: 'embedding', ...ollama(embedding) },
          { pool: 'chat', ...ollama(chat) },
        ]
      : [{ pool: POOL, ...ollama(embedding) }],
    models: [
      model(env, 'EMBEDDING_MODEL', 'embedding', apart ? 'embedding' : POOL),
      model(env, 'CHAT_MODEL', 'chat', apart ? 'chat' : POOL),
    ],
  }
}

const direct = (url: string, token: string | undefined) => ({
  reach: { kind: 'direct' as const, url, ...(token ? { token } : {}) },
})

function chromaUrls(env: NodeJS.ProcessEnv): [string, ...string[]] {
  const list = (env.CHROMADB_URL ?? '').split(',').map(part => part.trim())
  return list.map(part => httpUrl('CHROMADB_URL', part)) as [string, ...string[]]
}

function ollamaUrl(env: NodeJS.ProcessEnv, own: string): string {
  const name = env[own] ? own : 'OLLAMA_URL'
  return httpUrl(name, env[name] ?? '')
}

function httpUrl(name: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if ((url?.protocol === 'http:' || url?.protocol === 'https:') && url.username === '') return value
  throw wrong(name, value, 'an http:// or https:// URL without user and password')
}

function wholeNumber(
  env: NodeJS.ProcessEnv,
  name: string,
  absent: number,
  least: number,
  most: number,
): number {
  const text = env[name]
  if (text === undefined || text === '') return absent
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw wrong(name, text, `a whole number from ${least} to ${most}`)
}

/** A model that the catalog does not know is taken as it is: then nobody says how long its vectors should be. */
function model(env: NodeJS.ProcessEnv, variable: string, role: Role, pool: string): DeployedModel {
  const name = withTag(env[variable] || DEFAULT_MODELS[role])
  const known = findModel(name)
  if (known !== undefined && known.role !== role) {
    throw wrong(variable, name, `a model whose role is ${role}; this one's is ${known.role}`)
  }
  return {
    role,
    name,
    serves: name,
    pool,
    ...(known?.role === 'embedding' && {
      contextLength: known.contextLength,
      dimensions: known.dimensions,
      prefixes: known.prefixes,
    }),
  }
}

const wrong = (name: string, value: string, allowed: string) =>
  new Failure('misused', `${name} is ${JSON.stringify(value)}; allowed is ${allowed}`, {
    mend: `set ${name} to what is allowed, or unset the URLs to use the stack's outputs`,
  })
