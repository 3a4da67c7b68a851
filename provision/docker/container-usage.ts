import type Docker from 'dockerode'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { GONE, ifThere } from '../if-there.ts'
import { type ProcessUsage, usageOfProcesses } from '../processes/process-usage.ts'
import { ownContainers } from './containers.ts'
import { askEngine } from './docker-engine.ts'

/** What the Engine answers of a container that is between two starts. */
const RESTARTING = 409

/** What the stack's own containers hold now, which a new deployment gives back first. */
export const containerUsage = (settings: Settings): Promise<ProcessUsage> =>
  askEngine(async docker => {
    const running = (await ownContainers(settings, docker)).filter(({ State }) => State.Running)
    const pids = await Promise.all(running.map(({ Id }) => pidsOf(docker.getContainer(Id))))
    return usageOfProcesses(pids.flat())
  })

/** Of all processes of a container, as the machine numbers them; none where it ends again and again. */
async function pidsOf(container: Docker.Container): Promise<string[]> {
  const top = await ifThere(container.top({ ps_args: '-eo pid' }), [GONE, RESTARTING])
  if (top === undefined) return []
  const { Titles, Processes } = top
  const column = Titles.indexOf('PID')
  return (Processes ?? []).map((row: string[]) => row[column]!)
}

/** The folder that volumes lie in. */
export const dataRoot = (): Promise<string> =>
  askEngine(async docker => (await docker.info()).DockerRootDir)
