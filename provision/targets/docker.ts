import { rm } from 'node:fs/promises'
import type Docker from 'dockerode'
import type { ContainerInspectInfo } from 'dockerode'
import { Failure } from '../../infra/failure.ts'
import { requireLayout } from '../../infra/layout.ts'
import { PROJECT } from '../../infra/project.ts'
import type { Settings } from '../../infra/settings.ts'
import { containersOf, logTail, nameOf, ofStack, partOf, portsOf } from '../docker/containers.ts'
import { askEngine } from '../docker/engine.ts'
import { dataRoot, heldByContainers } from '../docker/held.ts'
import { volumesLayout } from '../docker/layout.ts'
import { requireLimits } from '../docker/limits.ts'
import { requireDocker, requireGpus } from '../docker/preflight.ts'
import { groundHere } from '../plan/ground.ts'
import type { ServerStatus, TargetCommands } from './target.ts'

/** A container that Docker has started again so often does not come up by itself. */
const RESTARTS = 3

/** Containers of the Docker Engine. */
export const docker: TargetCommands = {
  tools: [],

  async preflight(settings) {
    await requireDocker(settings)
    requireLayout(settings, await volumesLayout(settings))
  },

  async ground(settings) {
    try {
      return await groundHere(await dataRoot(), await heldByContainers(settings))
    } catch (error) {
      // A plan can be made before Docker is there; before anything is deployed, `preflight` asks for it.
      if (!(error instanceof Failure)) throw error
      return groundHere(settings.home, { pids: new Set(), memory: 0 })
    }
  },

  async requirePlanned(plan) {
    await requireGpus(plan)
    return requireLimits(plan)
  },

  // The program asks for all of it itself.
  beforeUp: async () => undefined,

  findHopeless: (settings, since) =>
    askEngine(async docker => {
      for (const container of await containersOf(settings, docker)) {
        if (Date.parse(container.Created) < since || !isHopeless(container)) continue
        return explain(container, await logTail(container, docker))
      }
      return undefined
    }),

  status: settings =>
    askEngine(async docker => (await containersOf(settings, docker)).map(statusOf)),

  sweep: settings => askEngine(docker => removeContainers(settings, docker)),

  purge: settings =>
    askEngine(async docker => {
      const { Volumes } = await docker.listVolumes(ofStack(settings))
      for (const { Name } of Volumes) await docker.getVolume(Name).remove()
      await rm(settings.home, { recursive: true, force: true })
      return `${Volumes.length} volumes and ${settings.home} are deleted`
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
    `${partOf(container)} (container ${nameOf(container)}, image ${image}) ${how}${again}. The end of its log:\n${log}`,
    { mend: `docker logs ${nameOf(container)}` },
  )
}

async function removeContainers(settings: Settings, docker: Docker): Promise<void> {
  for (const { Id } of await containersOf(settings, docker)) {
    await docker.getContainer(Id).remove({ force: true })
  }
  for (const { Id } of await docker.listNetworks(ofStack(settings))) {
    await docker.getNetwork(Id).remove()
  }
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
    state: State.Running && health !== undefined ? health : State.Status,
    log: `docker logs ${nameOf(container)}`,
  }
}
