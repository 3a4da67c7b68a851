import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../capacity/workload.ts'
import { describeModel } from '../deployed-models.ts'
import { modelArgs } from '../model-args.ts'
import type { Settings } from '../settings.ts'
import { type Millis, minutes } from '../units.ts'
import { hashOf } from './hash.ts'
import type { Labels } from './names.ts'
import type { Parts } from './parts.ts'
import { type Container, dataAt, type Volume } from './pod.ts'
import { KEEPER_PORT, OLLAMA_PORT } from './ports.ts'
import { probe, startup } from './probes.ts'
import { resourcesOf } from './quantity.ts'
import { LOCK_RECORD, MODELS, STORE } from './store.ts'

/**
 * The container beside an Ollama that brings in what its volume lacks, and makes the pod ready when each of its
 * models has answered once: provision/keeper.
 */
export interface KeeperPart {
  container: Container
  volume: Volume
  hash: pulumi.Output<string>
}

const FILE = 'models.json'
const FOLDER = '/etc/keeper'
const VOLUME = 'keeper'
/** For a model to be read from a slow disk and to answer once. */
const FIRST_ANSWER: Millis = minutes(15)

export function keeperPart(
  { settings, options }: Parts,
  set: string,
  labels: Labels,
  plan: Workload,
): KeeperPart {
  const name = `${set}-models`
  const config = JSON.stringify(keeperConfig(settings, plan))
  const file = new core.v1.ConfigMap(
    name,
    { metadata: { name, labels }, data: { [FILE]: config } },
    { ...options, deleteBeforeReplace: true },
  )
  return {
    hash: hashOf(config),
    volume: { name: VOLUME, configMap: { name: file.metadata.name } },
    container: {
      name: 'keeper',
      image: settings.images.api,
      args: ['provision/keeper/main.ts', `${FOLDER}/${FILE}`],
      // What a package source unpacks, which is not worth keeping.
      env: [{ name: 'KNOWLEDGE_STACK_CACHE', value: '/tmp/cache' }],
      ports: [{ name: 'keeper', containerPort: KEEPER_PORT }],
      resources: resourcesOf(plan.keeper!),
      volumeMounts: [dataAt(STORE), { name: VOLUME, mountPath: FOLDER, readOnly: true }],
      startupProbe: startup('/ready', KEEPER_PORT, budget(settings, plan) / 1000),
      readinessProbe: probe('/ready', KEEPER_PORT),
      livenessProbe: probe('/live', KEEPER_PORT, 30),
    },
  }
}

/** What the keeper is told: KeeperConfig of provision/keeper. */
function keeperConfig(settings: Settings, { models, pool, requests }: Workload) {
  const reach = { kind: 'direct' as const, url: `http://127.0.0.1:${OLLAMA_PORT}` }
  const here = { pool: pool!, reach, modelsFolder: MODELS }
  const served = settings.models.filter(({ definition }) => models.includes(definition.name))
  return {
    port: KEEPER_PORT,
    gpu: requests.gpu !== undefined,
    resident: settings.ollama.keepAlive === '-1',
    models: served.map(model => ({
      args: { ...modelArgs(model, settings, here), lockRecord: LOCK_RECORD },
      model: describeModel(model, pool!),
    })),
  }
}

/** The pull's budget for each model, and the time to its first answer. */
const budget = ({ pullDeadline }: Settings, { models }: Workload): Millis =>
  models.length * (pullDeadline + FIRST_ANSWER)

/** How long an update waits for the pods of a pool. */
export const readyWithin = (settings: Settings, plan: Workload): string =>
  `${Math.ceil(budget(settings, plan) / minutes(1)) + 5}m`
