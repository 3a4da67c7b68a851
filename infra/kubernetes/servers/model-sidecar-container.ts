import type { Workload } from '../../capacity/workload.ts'
import { loopbackUrl } from '../../local/local-servers.ts'
import { describeModel } from '../../servers/deployed-models.ts'
import { modelArgs } from '../../servers/model-args.ts'
import type { Settings } from '../../settings/parse-settings.ts'
import { type Millis, minutes } from '../../units.ts'
import type { Labels } from '../kubernetes-names.ts'
import { LOCK_RECORD, MODELS, STORE } from '../pods/model-volume.ts'
import { configFiles } from '../pods/mounted-files.ts'
import { dataAt } from '../pods/pod.ts'
import { MODEL_SIDECAR_PORT, OLLAMA_POD_PORTS } from '../pods/pod-ports.ts'
import { serverContainer } from '../pods/server-container.ts'
import type { PodServerArgs } from '../server-args.ts'

const FILE = '/etc/keeper/models.json'
/** For a model to be read from a slow disk and to answer once. */
const FIRST_ANSWER: Millis = minutes(15)

/**
 * The container in the pod of an Ollama that pulls what its volume lacks, and makes the pod ready when each of its
 * models has answered once: provision/model-sidecar.
 */
export function modelSidecar(
  { settings, options }: PodServerArgs,
  set: string,
  labels: Labels,
  plan: Workload,
) {
  const content = JSON.stringify(modelSidecarConfig(settings, plan))
  const files = [{ path: FILE, content }]
  const config = configFiles({ name: `${set}-models`, labels, volume: 'keeper', files }, options)
  const sidecar = {
    name: 'keeper',
    image: settings.images.api,
    args: ['provision/model-sidecar/main.ts', FILE],
    // What a package source unpacks, which is not worth keeping.
    environment: { KNOWLEDGE_STACK_CACHE: '/tmp/cache' },
    probe: {
      port: MODEL_SIDECAR_PORT,
      startup: { path: '/ready', within: budget(settings, plan) / 1000 },
      ready: '/ready',
      live: '/live',
    },
    share: plan.keeper,
  }
  const ports = [{ name: 'keeper', containerPort: MODEL_SIDECAR_PORT }]
  return {
    ...config,
    container: { ...serverContainer(sidecar, [dataAt(STORE), config.mount]), ports },
  }
}

/** What the sidecar is told: SidecarConfig of provision/model-sidecar. */
function modelSidecarConfig(settings: Settings, { models, pool, requests }: Workload) {
  const url = loopbackUrl({ port: OLLAMA_POD_PORTS.server })
  const here = { pool: pool!, reach: { kind: 'direct' as const, url }, modelsFolder: MODELS }
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
