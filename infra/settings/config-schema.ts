import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { DEFAULT_SHARDS, MAX_SHARDS, MIN_SHARDS } from '../shards.ts'
import { Images } from './images.ts'
import { Kubernetes } from './kubernetes-settings.ts'

const TARGETS = ['local', 'docker', 'kubernetes'] as const
/** The HTTP API's port where nobody says otherwise. */
export const API_PORT = 8003
/** Of one caller of the HTTP API, where nobody says otherwise. */
export const API_REQUESTS_PER_MINUTE = 6000
const KV_CACHE_TYPES = ['f16', 'q8_0', 'q4_0'] as const

export type Target = (typeof TARGETS)[number]
export type KvCacheType = (typeof KV_CACHE_TYPES)[number]

const Count = z.int().min(1)
const Port = z.int().min(1).max(65_535)

const Source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('library') }),
  z.strictObject({
    kind: z.literal('mirror'),
    host: z.string().min(1),
    namespace: z.string().min(1),
    insecure: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('folder'),
    path: z.string().refine(isAbsolute, 'must be an absolute path'),
  }),
  z.strictObject({
    kind: z.literal('package'),
    registry: z.literal('pypi'),
    name: z.string().min(1),
    version: z.string().min(1),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    member: z.string().min(1),
  }),
])

/** What the plan goes by, as the publisher's config.json has it; see infra/capacity/model/figures.ts. */
const ModelFigures = z.strictObject({
  family: z.string().min(1),
  layers: Count,
  embedding: Count,
  feedForward: Count,
  heads: Count,
  kvHeads: Count,
  headLength: Count,
  vocabulary: Count,
  slidingWindow: Count.optional(),
  experts: z.strictObject({ count: Count, used: Count }).optional(),
  encoder: z.boolean().optional(),
  embeddingType: z.enum(['f16', 'q8_0']),
  untied: z.boolean().optional(),
})

const common = {
  contextLength: Count,
  sizeBytes: Count,
  figures: ModelFigures.optional(),
  sources: z
    .array(Source)
    .min(1)
    .default([{ kind: 'library' }]),
}
const prefixes = z.strictObject({ document: z.string(), query: z.string() })

const OwnModel = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('chat'), ...common }),
  z.strictObject({
    role: z.literal('embedding'),
    dimensions: Count,
    prefixes: prefixes.default({ document: '', query: '' }),
    ...common,
  }),
])

/** A text as `pulumi config set --secret` writes it; Pulumi hands it to the program decrypted. */
const Encrypted = z.strictObject({ secure: z.string() })

/** The stack's configuration as written: the keys, types and defaults of Pulumi.yaml. */
export const Config = z.strictObject({
  target: z.enum(TARGETS).default('local'),
  home: z.string().default(''),
  shards: z.int().min(MIN_SHARDS).max(MAX_SHARDS).default(DEFAULT_SHARDS),
  instances: z.int().min(1).max(MAX_SHARDS).default(1),
  maxConnectionsPerInstance: z.int().min(1).max(1000).default(10),
  chromaPort: Port.default(8000),
  ollamaPort: Port.default(11_434),
  apiPort: Port.default(API_PORT),
  apiAddress: z.ipv4().default('127.0.0.1'),
  apiHosts: z
    .string()
    .regex(/^([\w.-]+(, *[\w.-]+)*)?$/, 'names without port, comma-separated')
    .default(''),
  apiRequestsPerMinute: z.int().min(1).max(1_000_000_000).default(API_REQUESTS_PER_MINUTE),
  embeddingModel: z.string().min(1).default('nomic-embed-text'),
  chatModel: z.string().min(1).default('gpt-oss:20b'),
  contextLength: z.int().min(256).default(4096),
  parallel: z.int().min(1).max(64).default(1),
  kvCacheType: z.enum(KV_CACHE_TYPES).default('f16'),
  keepAlive: z
    .string()
    .regex(/^(-1|0|(\d+(\.\d+)?(ms|s|m|h))+)$/, 'a duration such as 5m or 24h, or -1 for ever')
    .default('-1'),
  creators: z.int().min(1).max(1_000_000_000).default(100_000),
  chunksPerCreator: z.int().min(1).max(1_000_000).default(10),
  modelMirror: z
    .string()
    .regex(/^(https?:\/\/[^/\s]+\/[^\s]+)?$/, 'http(s)://host[:port]/namespace')
    .default(''),
  models: z.record(z.string().min(1), OwnModel).default({}),
  httpsProxy: z.union([z.string(), Encrypted], 'a text, in clear or encrypted').default(''),
  noProxy: z.string().default(''),
  caCertificates: z.string().default(''),
  images: Images.default({} as never),
  pullDeadlineMinutes: z.int().min(1).max(1440).default(180),
  // Its own defaults are filled in by settings.ts: Pulumi.yaml can only say that nothing is set.
  kubernetes: Kubernetes.default({} as never),
  deployUnfit: z.boolean().default(false),
})

/** The keys whose values are texts; the values of all others are JSON where Pulumi hands them over. */
export const TEXT_KEYS: ReadonlySet<string> = new Set([
  'target',
  'home',
  'embeddingModel',
  'chatModel',
  'kvCacheType',
  'keepAlive',
  'modelMirror',
  'httpsProxy',
  'noProxy',
  'caCertificates',
  'apiAddress',
  'apiHosts',
])
