import { z } from 'zod'
import { MAX_SHARDS, MIN_SHARDS } from './shards.ts'

/**
 * The seam. A deployment is known to provision/ and checks/ by these outputs and by nothing else: the
 * program exports them, the verification resource receives them, and the environment variables of a
 * deployment that Pulumi never made are read into the same type (checks/outputs-source.ts).
 */

/** The application's token, where an auth proxy asks for one. */
const token = z.string().optional()

/** At this URL, from where the command runs. */
const Direct = z.object({ kind: z.literal('direct'), url: z.url(), token })

/** At this URL from inside of a cluster; from outside through its API server, to a ready pod. */
const PortForward = z.object({
  kind: z.literal('port-forward'),
  url: z.url(),
  token,
  /** Of the kubeconfig; its current one when absent. */
  context: z.string().optional(),
  namespace: z.string(),
  /** Labels of the pods, as the API takes them: `a=b,c=d`. */
  selector: z.string(),
  port: z.int().positive(),
})

/** How a server is reached. */
const Endpoint = z.discriminatedUnion('kind', [Direct, PortForward])

const ChromaInstance = z.object({
  reach: Endpoint,
  /** Its configuration file on this machine, where it can be read; absent where it cannot. */
  configFile: z.string().optional(),
  /** The folder of its data on this machine, where it can be seen; absent where it cannot. */
  dataFolder: z.string().optional(),
})

/** What one creator may have. */
const Quota = z.object({
  /** Chunks. */
  records: z.int().positive(),
  /** Of texts, metadata and vectors. */
  bytes: z.int().positive(),
})

const OllamaPool = z.object({
  pool: z.string(),
  reach: Endpoint,
  /** Of Ollama, as deployed: `0.17.4`; absent where nobody recorded it. */
  version: z.string().optional(),
  /** Ollama's model folder on this machine, where its files can be read; absent where they cannot. */
  modelsFolder: z.string().optional(),
  /** File that records its process, where the stack runs it as one of this machine. */
  record: z.string().optional(),
})

const DeployedModel = z.object({
  role: z.enum(['embedding', 'chat']),
  /** The model as asked for: `smollm2:135m`. */
  name: z.string(),
  /** The name that requests use: the model derived from `name` with the planned context pinned. */
  serves: z.string(),
  pool: z.string(),
  /** sha256 of the manifests of `name` and of `serves`, as provisioned; absent when nobody recorded them. */
  digest: z.string().optional(),
  servesDigest: z.string().optional(),
  /** Tokens a request may use; absent when nobody planned it. */
  contextLength: z.int().positive().optional(),
  /** Bytes that the plan sets aside for it, with the margin; `gpu` is 0 for the CPU. Absent when nobody planned. */
  planned: z.object({ host: z.int().nonnegative(), gpu: z.int().nonnegative() }).optional(),
  /** Length of an embedding; on embedding models only. */
  dimensions: z.int().positive().optional(),
  prefixes: z.object({ document: z.string(), query: z.string() }).optional(),
})

export const Outputs = z.object({
  stack: z.string(),
  target: z.enum(['local', 'docker', 'kubernetes', 'environment']),
  chroma: z.object({
    instances: z.tuple([ChromaInstance], ChromaInstance),
    /** Connections to each instance at most. */
    maxConnections: z.int().positive(),
    /** Absent: nobody is counted. */
    quota: Quota.optional(),
    generation: z.int().positive(),
    shards: z.int().min(MIN_SHARDS).max(MAX_SHARDS),
    /** For each shard the index of its instance. */
    shardMap: z.array(z.int().nonnegative()),
  }),
  ollama: z.tuple([OllamaPool], OllamaPool),
  /** The HTTP API in front of both; absent where none is deployed. */
  api: z.object({ reach: Endpoint }).optional(),
  models: z.array(DeployedModel).nonempty(),
})

/** What only those who provision are given, apart from the outputs that applications and checks may see. */
export const Provisioner = z.object({
  /** Lets pull, create and delete through the auth proxies of Ollama; absent where there are none. */
  token: z.string().optional(),
})

export type Outputs = z.infer<typeof Outputs>
export type Quota = z.infer<typeof Quota>
export type Endpoint = z.infer<typeof Endpoint>
export type OllamaPool = z.infer<typeof OllamaPool>
export type DeployedModel = z.infer<typeof DeployedModel>
