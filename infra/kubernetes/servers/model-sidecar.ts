import { core } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import { describeModel } from '../../servers/deployed-models.ts'
import { modelArgs } from '../../servers/model-args.ts'
import type { Settings } from '../../settings/settings.ts'
import { type Millis, minutes } from '../../units.ts'
import type { Labels } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import { LOCK_RECORD, MODELS, STORE } from '../pods/model-volume.ts'
import { type Container, dataAt, type Volume } from '../pods/pod.ts'
import { MODEL_SIDECAR_PORT, OLLAMA_PORT } from '../pods/pod-ports.ts'
import { probe, startup } from '../pods/probes.ts'
import { resourcesOf } from '../pods/resource-quantity.ts'
import type { PodServerArgs } from '../server-args.ts'

/**
 * The container beside an Ollama that brings in what its volume lacks, and makes the pod ready when each of its
 * models has answered once: provision/keeper.
 */
export interface ModelSidecar {
  container: Container
  volume: Volume
  hash: pulumi.Output<string>
}

const FILE = 'models.json'
const FOLDER = '/etc/keeper'
const VOLUME = 'keeper'
/** For a model to be read from a slow disk and to answer once. */
const FIRST_ANSWER: Millis = minutes(15)

export function modelSidecar(
  { settings, options }: PodServerArgs,
  set: string,
  labels: Labels,
  plan: Workload,
): ModelSidecar {
  const name = `${set}-models`
  const config = JSON.stringify(modelSidecarConfig(settings, plan))
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
      args: ['provision/model-sidecar/main.ts', `${FOLDER}/${FILE}`],
      // What a package source unpacks, which is not worth keeping.
      env: [{ name: 'KNOWLEDGE_STACK_CACHE', value: '/tmp/cache' }],
      ports: [{ name: 'keeper', containerPort: MODEL_SIDECAR_PORT }],
      resources: resourcesOf(plan.keeper!),
      volumeMounts: [dataAt(STORE), { name: VOLUME, mountPath: FOLDER, readOnly: true }],
      startupProbe: startup('/ready', MODEL_SIDECAR_PORT, budget(settings, plan) / 1000),
      readinessProbe: probe('/ready', MODEL_SIDECAR_PORT),
      livenessProbe: probe('/live', MODEL_SIDECAR_PORT, 30),
    },
  }
}

/** What the keeper is told: KeeperConfig of provision/keeper. */
function modelSidecarConfig(settings: Settings, { models, pool, requests }: Workload) {
  const reach = { kind: 'direct' as const, url: `http://127.0.0.1:${OLLAMA_PORT}` }
  const here = { pool: pool!, reach, modelsFolder: MODELS }
  const served = settings.models.filter(({ definition }) => models.includes(definition.name))
  return {
    port: MODEL_SIDECAR_PORT,
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
