import { z } from 'zod'
import { DEFAULT_SHARDS, MAX_SHARDS, MIN_SHARDS } from '../shards.ts'
import { Backup } from './backup-settings.ts'
import { DEFAULT_CHROMA, SUPPORTED_CHROMA } from './chroma-version.ts'
import { Images } from './image-settings.ts'
import { Kubernetes } from './kubernetes-settings.ts'
import { SUPPORTED_OLLAMA } from './ollama-version.ts'
import { OwnModel } from './own-model-schema.ts'

const TARGETS = ['local', 'docker', 'kubernetes'] as const
/** The HTTP API's port where nobody says otherwise. */
export const API_PORT = 8003
/** Of one caller of the HTTP API, where nobody says otherwise. */
export const API_REQUESTS_PER_MINUTE = 6000
const KV_CACHE_TYPES = ['f16', 'q8_0', 'q4_0'] as const

export type Target = (typeof TARGETS)[number]
export type KvCacheType = (typeof KV_CACHE_TYPES)[number]

const whole = (min: number, max: number) => z.int().min(min).max(max)
const Port = whole(1, 65_535)

const Address = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])
const areAddresses = (text: string): boolean =>
  text === '' || text.split(',').every(part => Address.safeParse(part.trim()).success)

/** A text as `pulumi config set --secret` writes it; Pulumi hands it to the program decrypted. */
const Encrypted = z.strictObject({ secure: z.string() })

/**
 * The stack's configuration as written. Pulumi.yaml declares the same to Pulumi: its keys, types, defaults and
 * descriptions are written from here by `npm run readme`.
 */
export const Config = z.strictObject({
  target: z
    .enum(TARGETS)
    .default('local')
    .describe(
      'What the servers run as: local (processes on this machine), docker (containers of its Docker Engine), kubernetes (the cluster of a kubeconfig)',
    ),
  home: z
    .string()
    .default('')
    .describe(
      "Folder for data, models, logs and state; empty: $KNOWLEDGE_STACK_HOME/<stack>, or <stack> in knowledge-stack of the user's data folder",
    ),
  shards: whole(MIN_SHARDS, MAX_SHARDS)
    .default(DEFAULT_SHARDS)
    .describe(
      `Number of shared collections the creators are spread over, ${MIN_SHARDS} to ${MAX_SHARDS}; over data it counts once npm run reshard has moved that`,
    ),
  instances: whole(1, MAX_SHARDS)
    .default(1)
    .describe(
      'Number of Chroma servers the shards are spread over, 1 to the shard count; data is spread over more of them by npm run reshard',
    ),
  maxConnectionsPerInstance: whole(1, 1000)
    .default(10)
    .describe(
      'HTTP connections to one Chroma server at most, up to two and no more than half of them for writing; 1 to 1000',
    ),
  chromaPort: Port.default(8000).describe(
    'Loopback port of the first Chroma server; further instances take the ports after it',
  ),
  ollamaPort: Port.default(11_434).describe('Loopback port of Ollama'),
  apiPort: Port.default(API_PORT).describe(
    'Port of the HTTP API, on loopback unless apiAddress says otherwise',
  ),
  apiAddress: z
    .ipv4()
    .default('127.0.0.1')
    .describe(
      'Address of the host that the docker target publishes the HTTP API on; 0.0.0.0 for all',
    ),
  apiHosts: z
    .string()
    .regex(/^([\w.-]+(, *[\w.-]+)*)?$/, 'names without port, comma-separated')
    .default('')
    .describe(
      'Names that an HTTP API on loopback is called by besides localhost, comma-separated: those of a proxy in front of it. It refuses every other',
    ),
  apiProxies: z
    .string()
    .refine(areAddresses, 'addresses and ranges, comma-separated')
    .refine(
      text => !/\/0(,|$)/.test(text.replaceAll(' ', '')),
      'not all addresses: then everybody would be believed',
    )
    .default('')
    .describe(
      'Proxies in front of the HTTP API, as addresses or ranges (10.0.0.7, 10.244.0.0/16), comma-separated: whom a request came from is believed of these alone. Empty: of none, so that all who come through a proxy count as one address',
    ),
  apiRequestsPerMinute: whole(1, 1_000_000_000)
    .default(API_REQUESTS_PER_MINUTE)
    .describe(
      'Requests a minute that each process of the HTTP API takes from one creator, or from one address without a token; from all back ends with a service token together, ten times as many',
    ),
  embeddingModel: z
    .string()
    .min(1)
    .default('nomic-embed-text')
    .describe(
      'Embedding model, by its Ollama name; over data it counts once npm run reshard has embedded that anew',
    ),
  chatModel: z.string().min(1).default('gpt-oss:20b').describe('Chat model, by its Ollama name'),
  contextLength: z
    .int()
    .min(256)
    .default(4096)
    .describe(
      'Tokens a chat may use, prompt and answer together; pinned in the model that is served',
    ),
  chromaVersion: z
    .string()
    .default('')
    .describe(
      `Version of Chroma, such as ${DEFAULT_CHROMA}: ${SUPPORTED_CHROMA}. Empty: what the tag of images.chroma says, else what the stack was deployed with, else the newest that all suites of this project ran against`,
    ),
  ollamaVersion: z
    .string()
    .default('')
    .describe(
      `Version of Ollama, such as 0.17.4: ${SUPPORTED_OLLAMA}. Empty: what the tag of images.ollama says, else what the stack was deployed with, else the newest that all suites of this project ran against`,
    ),
  parallel: whole(1, 64)
    .default(1)
    .describe('Requests that one model answers at the same time; memory grows with it'),
  kvCacheType: z
    .enum(KV_CACHE_TYPES)
    .default('f16')
    .describe('Precision of the KV cache: f16, q8_0 or q4_0'),
  keepAlive: z
    .string()
    .regex(/^(-1|0|(\d+(\.\d+)?(ms|s|m|h))+)$/, 'a duration such as 5m or 24h, or -1 for ever')
    .default('-1')
    .describe(
      'How long a model stays loaded after a request, as Ollama writes it: 5m, 24h, or -1 for ever',
    ),
  creators: whole(1, 1_000_000_000)
    .default(100_000)
    .describe('Creators that the data is sized for'),
  chunksPerCreator: whole(1, 1_000_000)
    .default(10)
    .describe(
      'Chunks of text of one creator, on average, that the data is sized for. What one creator may have at most is maxRecordsPerCreator, which the plan does not count with',
    ),
  maxRecordsPerCreator: whole(1, 1_000_000_000)
    .default(100_000)
    .describe('Chunks that one creator may have; what would be more is refused with 507'),
  maxMebibytesPerCreator: whole(1, 1_000_000)
    .default(1024)
    .describe(
      'MiB that texts, metadata and vectors of one creator may take; what would be more is refused with 507',
    ),
  modelMirror: z
    .string()
    .regex(
      /^(https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d+)?\/[\w-]+\/?)?$/i,
      'allowed is http(s)://host[:port]/namespace, with no user, no query and no further folder, the namespace of letters, digits, - and _',
    )
    .default('')
    .describe(
      'Registry asked for models before the Ollama library: http(s)://host[:port]/namespace',
    ),
  httpsProxy: z
    .union([z.string(), Encrypted], 'a text, in clear or encrypted')
    .default('')
    .describe(
      'Proxy that Ollama pulls models through: http://host:port, or none. Empty: https_proxy of whoever deploys, for a cluster none. With a password: pulumi config set --secret',
    ),
  noProxy: z
    .string()
    .default('')
    .describe(
      'Hosts, domains and ranges that are not asked through the proxy, comma-separated; loopback and the names of a cluster never are. Empty: no_proxy of whoever deploys, for a cluster nothing',
    ),
  caCertificates: z
    .string()
    .default('')
    .describe(
      "File in PEM of certificates that Ollama trusts beside the public ones, absolute or from the project's folder. Empty: those of SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS of whoever deploys, for a cluster none",
    ),
  models: z
    .record(z.string().min(1), OwnModel)
    .default({})
    .describe(
      "Models of the stack's own, by name: role, dimensions, contextLength, sizeBytes, prefixes, figures, sources",
    ),
  images: Images.default({} as never).describe(
    "Images of the targets that run containers, each by exact version: chroma and ollama (by chromaVersion and ollamaVersion when absent), front, api (built from the Dockerfile when absent); mirror, a registry with copies of Docker Hub's",
  ),
  pullDeadlineMinutes: whole(1, 1440)
    .default(180)
    .describe('Minutes a model may take to come in, before the deployment gives up'),
  backup: Backup.default({} as never).describe(
    `Where backups of all creators go, and when, see infra/settings/backup-settings.ts: ${Object.keys(Backup.shape).join(', ')}`,
  ),
  // Its own defaults are filled in by parse-settings.ts: Pulumi.yaml can only say that nothing is set.
  kubernetes: Kubernetes.default({} as never).describe(
    `For a cluster, see infra/settings/kubernetes-settings.ts: ${Object.keys(Kubernetes.shape).join(', ')}`,
  ),
  deployUnfit: z
    .boolean()
    .default(false)
    .describe('Deploy even where the capacity plan says that it does not fit'),
})

/** The configuration where nothing is set. A key whose default is a text takes texts; that of any other is JSON. */
export const DEFAULTS: Readonly<Record<string, unknown>> = Config.parse({})
