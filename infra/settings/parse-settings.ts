import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import type { Architecture } from '../capacity/model/architecture.ts'
import { type Egress, egressOf, type Wrong } from '../egress/egress-settings.ts'
import { Failure } from '../failure.ts'
import type { Quota } from '../outputs.ts'
import { PROJECT } from '../project.ts'
import { MiB, type Millis, minutes } from '../units.ts'
import { Backup, type BackupSettings } from './backup-settings.ts'
import { type ImageReferences, Images, type NamedImages, resolveImages } from './image-settings.ts'
import { Kubernetes, type KubernetesSettings, LABEL, Label } from './kubernetes-settings.ts'
import { CATALOG, findModel } from './model-catalog.ts'
import { type ModelDefinition, type ModelMirror, type Role, withTag } from './model-definition.ts'
import {
  completed,
  type ReadModels,
  recordedModels,
  sourcesText,
  type UnreadModel,
  UnreadModels,
} from './read-models.ts'
import { chosenServer, recordedServer, type VersionedServer } from './server-version.ts'
import { didYouMean, misconfigured } from './setting-problems.ts'
import { Config, DEFAULTS, type KvCacheType, type Target } from './settings-schema.ts'

/**
 * The settings of one stack, validated once and only here. Two readers bring the raw values: the program
 * from pulumi.Config, where all are texts, the scripts from the stack's YAML file (settings-file.ts).
 */
export interface Settings {
  stack: string
  target: Target
  /** Absolute path of the folder that holds data, models, logs and state. */
  home: string
  /** Keys that are set and that this target has no use for. */
  withoutEffect: readonly string[]
  /** Whether a setting names it; else it is made for this stack alone. */
  homeIsNamed: boolean
  chroma: {
    /** What runs, or will: `1.5.9`. */
    version: string
    port: number
    shards: number
    instances: number
    maxConnections: number
    quota: Quota
  }
  ollama: {
    /** What runs, or will: `0.17.4`. */
    version: string
    port: number
    parallel: number
    kvCacheType: KvCacheType
    keepAlive: string
  }
  /**
   * `address` is the one of the host that the docker target publishes the port on; `hosts` are names that the API on
   * loopback goes by, `proxies` addresses and ranges of those in front of it, both comma-separated.
   */
  api: {
    port: number
    address: string
    hosts: string
    proxies: string
    requestsPerMinute: number
  }
  models: PlannedModel[]
  /** Every embedding model that the stack could have, for data that was made with another than it is to have. */
  embeddingModels: PlannedModel[]
  /** What the stack is sized for. */
  expected: { creators: number; chunksPerCreator: number }
  modelMirror: ModelMirror | undefined
  egress: Egress
  /** For the targets that run containers. */
  images: ImageReferences
  /** As they are named, before mirror and lock. */
  configuredImages: NamedImages
  pullDeadline: Millis
  /** Undefined where the settings name no place for them. */
  backup: BackupSettings | undefined
  kubernetes: KubernetesSettings
  deployUnfit: boolean
}

/** A model of the deployment, with the context it is served with, in tokens. */
export type PlannedModel = {
  definition: ModelDefinition
  contextLength: number
  /** What was read of the file of a model of the stack's own. */
  architecture?: Architecture
}

/**
 * @param stack name of the stack
 * @param raw values by key, without the project's prefix; texts where the key wants a number, a boolean or
 *   an object are read as JSON, since that is how Pulumi hands them over
 * @param serverIn the server that a home folder was deployed with; undefined where nothing was
 * @param modelsIn what was read of models' files, by a home folder
 * @throws Failure `misused`, with one line for each wrong value: key, value, what is allowed
 * @throws UnreadModels for models that only their files say enough of
 */
export function parseSettings(
  stack: string,
  raw: Record<string, unknown>,
  env: NodeJS.ProcessEnv = process.env,
  serverIn: typeof recordedServer = recordedServer,
  modelsIn: (home: string) => ReadModels = recordedModels,
): Settings {
  const parsed = Config.safeParse(Object.fromEntries(Object.entries(raw).map(typed)))
  if (!parsed.success) throw misconfigured(stack, raw, parsed.error.issues)
  const config = parsed.data
  const wrong = wrongIn(stack)
  const home = homeOf(stack, config.home, env, wrong)
  const named = Images.parse(config.images)
  const chosen = (server: VersionedServer) =>
    chosenServer(
      server,
      config[`${server}Version`],
      named[server],
      () => serverIn(server, home),
      wrong,
    )
  const [chroma, ollama] = [chosen('chroma'), chosen('ollama')]
  const images = { ...named, chroma: chroma.image, ollama: ollama.image }
  const modelMirror = parseMirror(config.modelMirror)
  const read = modelsIn(home)
  const own = ownModels(config, { stack, home, mirror: modelMirror, read })
  const withArchitecture = (model: PlannedModel): PlannedModel => ({
    ...model,
    ...architectureOf(model.definition, own, read),
  })
  if (config.instances > config.shards) {
    throw wrong('instances', config.instances, `at most ${config.shards}, the shard count`)
  }
  const taken = Array.from({ length: config.instances }, (_, index) => config.chromaPort + index)
  for (const key of ['ollamaPort', 'apiPort'] as const) {
    if (taken.includes(config[key])) {
      throw wrong(key, config[key], `a port that no other server takes (${taken.join(', ')})`)
    }
    taken.push(config[key])
  }
  return {
    stack,
    target: config.target,
    home,
    withoutEffect: Object.keys(raw).filter(
      key => TARGETS_OF[key]?.includes(config.target) === false,
    ),
    homeIsNamed: config.home !== '',
    chroma: {
      version: chroma.version,
      port: config.chromaPort,
      shards: config.shards,
      instances: config.instances,
      maxConnections: config.maxConnectionsPerInstance,
      quota: {
        records: config.maxRecordsPerCreator,
        bytes: config.maxMebibytesPerCreator * MiB,
      },
    },
    ollama: {
      version: ollama.version,
      port: config.ollamaPort,
      parallel: config.parallel,
      kvCacheType: config.kvCacheType,
      keepAlive: config.keepAlive,
    },
    api: {
      port: config.apiPort,
      address: config.apiAddress,
      hosts: config.apiHosts,
      proxies: config.apiProxies,
      requestsPerMinute: config.apiRequestsPerMinute,
    },
    models: [
      plannedModel('embedding', config.embeddingModel, own, wrong),
      plannedModel('chat', config.chatModel, own, wrong, config.contextLength),
    ].map(withArchitecture),
    embeddingModels: [...own, ...CATALOG]
      .filter(({ role }) => role === 'embedding')
      // Of one of the stack's own that it does not serve, the file may not have been read.
      .filter(definition => completed(definition, undefined) !== undefined)
      .map(definition => withArchitecture({ definition, contextLength: definition.contextLength })),
    expected: { creators: config.creators, chunksPerCreator: config.chunksPerCreator },
    modelMirror,
    egress: egressOf(config, env, wrong),
    images: resolveImages(images),
    configuredImages: images,
    pullDeadline: minutes(config.pullDeadlineMinutes),
    backup: backupSettings(config, wrong),
    kubernetes: kubernetesSettings(stack, config, wrong),
    deployUnfit: config.deployUnfit,
  }
}

/** With its defaults; on a cluster, what a CronJob can do. */
function backupSettings({ target, backup: configured }: z.infer<typeof Config>, wrong: Wrong) {
  const backup = Backup.parse(configured)
  const { to, schedule, secret } = backup
  if (to === '') {
    if (isDeepStrictEqual(backup, Backup.parse({}))) return undefined
    throw wrong('backup.to', to, 'an absolute path of a folder, or s3://BUCKET/PREFIX')
  }
  if (target === 'kubernetes' && schedule !== undefined) {
    if (!to.startsWith('s3://')) {
      throw wrong('backup.to', to, 's3://BUCKET/PREFIX: a folder of a pod goes with it')
    }
    if (secret === undefined) {
      throw wrong(
        'backup.secret',
        '',
        'the name of a Secret of the namespace, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      )
    }
  }
  return backup
}

/** With its defaults, also where nothing is set; the namespace is the stack's own. */
function kubernetesSettings(stack: string, config: z.infer<typeof Config>, wrong: Wrong) {
  const settings = Kubernetes.parse(config.kubernetes)
  const namespace = settings.namespace || `${PROJECT}-${stack}`
  if (config.target === 'kubernetes' && !Label.safeParse(namespace).success) {
    throw wrong('kubernetes.namespace', namespace, `a name of ${LABEL}`)
  }
  return { ...settings, namespace }
}

/**
 * A setting with its value in the type that its key wants. Pulumi hands every value over as a text, and a stack's file
 * may have one, too: where the key wants another type, the text is JSON.
 */
export function typed([key, value]: [string, unknown]): [string, unknown] {
  if (typeof value !== 'string' || typeof DEFAULTS[key] === 'string') return [key, value]
  try {
    return [key, JSON.parse(value)]
  } catch {
    return [key, value]
  }
}

/** Settings that not every target has a use for. */
const TARGETS_OF: Record<string, readonly Target[]> = {
  kubernetes: ['kubernetes'],
  images: ['docker', 'kubernetes'],
  apiAddress: ['docker'],
}

/** The models that a stack defines itself, complete where the stack is to serve them. */
function ownModels(
  { models, embeddingModel, chatModel }: z.infer<typeof Config>,
  {
    mirror,
    read,
    ...where
  }: { stack: string; home: string; mirror: ModelMirror | undefined; read: ReadModels },
): ModelDefinition[] {
  const served = [embeddingModel, chatModel].map(withTag)
  const unread: UnreadModel[] = []
  const own = Object.entries(models).map(([key, configured]) => {
    const name = withTag(key)
    const model = { name, ...configured } as ModelDefinition
    const known = read[name]?.sources === sourcesText(model, mirror) ? read[name] : undefined
    const whole = completed(model, known)
    if (whole === undefined && served.includes(name)) unread.push(model)
    return whole ?? model
  })
  if (unread.length > 0) throw new UnreadModels(where, unread, mirror)
  return own
}

/** Figures that the settings give themselves come before what was read. */
function architectureOf(
  definition: ModelDefinition,
  own: readonly ModelDefinition[],
  read: ReadModels,
): Pick<PlannedModel, 'architecture'> {
  const found = read[definition.name]
  const isOwn = own.includes(definition) && definition.figures === undefined
  return found !== undefined && isOwn ? { architecture: found.architecture } : {}
}

function plannedModel(
  role: Role,
  name: string,
  own: ModelDefinition[],
  wrong: Wrong,
  contextLength?: number,
): PlannedModel {
  const key = `${role}Model`
  const definition = findModel(name, own)
  const known = [...own, ...CATALOG].filter(model => model.role === role).map(model => model.name)
  if (definition === undefined) {
    throw wrong(
      key,
      name,
      `a model of the catalog (${known.join(', ')}) or one defined under ${PROJECT}:models${didYouMean(withTag(name), known)}`,
    )
  }
  if (definition.role !== role) {
    throw wrong(key, name, `a model whose role is ${role}: ${known.join(', ')}`)
  }
  if (contextLength !== undefined && contextLength > definition.contextLength) {
    throw wrong(
      'contextLength',
      contextLength,
      `at most ${definition.contextLength}, which ${definition.name} was trained for`,
    )
  }
  return { definition, contextLength: contextLength ?? definition.contextLength }
}

function homeOf(stack: string, configured: string, env: NodeJS.ProcessEnv, wrong: Wrong) {
  const home = env.HOME ?? homedir()
  if (configured !== '') {
    const path = configured.replace(/^~(?=\/|$)/, home)
    if (!isAbsolute(path))
      throw wrong('home', configured, 'an absolute path, or one that starts with ~')
    return path
  }
  const base = env.KNOWLEDGE_STACK_HOME
  if (base !== undefined && base !== '') return join(base, stack)
  return join(env.XDG_DATA_HOME || join(home, '.local', 'share'), PROJECT, stack)
}

function parseMirror(text: string): ModelMirror | undefined {
  if (text === '') return undefined
  const url = new URL(text)
  return {
    host: url.host,
    namespace: url.pathname.replace(/^\/|\/$/g, ''),
    insecure: url.protocol === 'http:',
  }
}

const wrongIn =
  (stack: string): Wrong =>
  (key, value, allowed) =>
    new Failure('misused', `${PROJECT}:${key} is ${JSON.stringify(value)}; allowed is ${allowed}`, {
      mend: `edit Pulumi.${stack}.yaml`,
    })
