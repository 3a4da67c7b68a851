import type { ContainerInspectInfo } from 'dockerode'
import { Failure } from '../../infra/failure.ts'
import { PROJECT } from '../../infra/project.ts'
import { besideContainer } from '../chroma-files/beside-container.ts'
import { containerUsage, dataRoot } from '../docker/container-usage.ts'
import {
  containerName,
  logOf,
  logTail,
  ownContainers,
  partOf,
  portsOf,
} from '../docker/containers.ts'
import { askEngine } from '../docker/docker-engine.ts'
import { removeUnknownContainers, requireOwnPlaces } from '../docker/docker-ownership.ts'
import { requireDocker, requireGpus } from '../docker/docker-preflight.ts'
import { limitsHeld } from '../docker/require-limits.ts'
import { ownVolumes, removeVolume, sizesOf, volumesLayout } from '../docker/volumes.ts'
import { localInventory } from '../plan/local-inventory.ts'
import type { ServerStatus, TargetCommands } from './target.ts'

/** A container that Docker has started again so often does not come up by itself. */
const RESTARTS = 3

/** Containers of the Docker Engine. */
export const docker: TargetCommands = {
  tools: [],

  preflight: requireDocker,

  dataLayout: volumesLayout,

  requireOwn: requireOwnPlaces,

  async inventory(settings) {
    try {
      return await localInventory(await dataRoot(), await containerUsage(settings))
    } catch (error) {
      // A plan can be made before Docker is there; before anything is deployed, `preflight` asks for it.
      if (!(error instanceof Failure)) throw error
      return localInventory(settings.home, { pids: new Set(), memory: 0 })
    }
  },

  async requirePlanned(plan) {
    const info = await askEngine(docker => docker.info())
    requireGpus(plan, info)
    return limitsHeld(plan, info)
  },

  findHopeless: (settings, since) =>
    askEngine(async docker => {
      for (const container of await ownContainers(settings, docker)) {
        if (Date.parse(container.Created) < since || !isHopeless(container)) continue
        return explain(container, await logTail(container, docker))
      }
      return undefined
    }),

  status: settings =>
    askEngine(async docker => (await ownContainers(settings, docker)).map(statusOf)),

  besideData: besideContainer,

  readLogs: (settings, hand) =>
    askEngine(async docker => {
      for (const container of await ownContainers(settings, docker)) {
        const log = await logOf(docker.getContainer(container.Id), docker)
        hand(Buffer.from(log), partOf(container))
      }
    }),

  describe: settings =>
    askEngine(async docker => ({
      'containers.json': JSON.stringify(await ownContainers(settings, docker), null, 2),
      'engine.json': JSON.stringify(await docker.version(), null, 2),
    })),

  sweep: removeUnknownContainers,

  purgeable: (settings, owner) =>
    askEngine(async docker => sizesOf(await ownVolumes(settings, owner, docker), docker)),

  purge: (settings, owner) =>
    askEngine(async docker => {
      for (const volume of await ownVolumes(settings, owner, docker)) {
        await removeVolume(volume, docker)
      }
      return []
    }),

  kept: ({ stack }) => `data and models stay in the volumes ${PROJECT}-${stack}-…`,
}

const isHopeless = ({ State, RestartCount }: ContainerInspectInfo): boolean =>
  RestartCount >= RESTARTS || State.Status === 'exited' || State.Health?.Status === 'unhealthy'

function explain(container: ContainerInspectInfo, log: string): Failure {
  const { State, RestartCount } = container
  const how = State.OOMKilled
    ? 'was killed for memory'
    : State.Running
      ? 'does not become healthy'
      : `ended with exit code ${State.ExitCode}`
  const again = RestartCount > 0 ? `, after ${RestartCount} restarts` : ''
  const image = container.Config.Image
  return new Failure(
    'unavailable',
    `${partOf(container)} (container ${containerName(container)}, image ${image}) ${how}${again}. The end of its log:\n${log}`,
    { mend: `docker logs ${containerName(container)}` },
  )
}

function statusOf(container: ContainerInspectInfo): ServerStatus {
  const { State } = container
  const [port] = portsOf(container)
  const health = State.Health?.Status
  return {
    name: partOf(container),
    url: port === undefined ? '' : `http://127.0.0.1:${port}`,
    running: State.Running,
    pid: State.Running ? State.Pid : null,
    since: State.Running ? State.StartedAt : null,
    state: State.Running && health !== undefined ? health : State.Status,
    log: `docker logs ${containerName(container)}`,
  }
}
