import type Docker from 'dockerode'
import type { Settings } from '../../infra/settings.ts'
import { type HeldNow, heldByAll } from '../processes/held.ts'
import { containersOf } from './containers.ts'
import { askEngine } from './engine.ts'

/** What the stack's own containers hold now, which a new deployment gives back first. */
export const heldByContainers = (settings: Settings): Promise<HeldNow> =>
  askEngine(async docker => {
    const running = (await containersOf(settings, docker)).filter(({ State }) => State.Running)
    const pids = await Promise.all(running.map(({ Id }) => pidsOf(docker.getContainer(Id))))
    return heldByAll(pids.flat())
  })

/** Of all processes of a container, as the machine numbers them. */
async function pidsOf(container: Docker.Container): Promise<string[]> {
  const { Titles, Processes } = await container.top({ ps_args: '-eo pid' })
  const column = Titles.indexOf('PID')
  return (Processes ?? []).map((row: string[]) => row[column]!)
}

/** The folder that volumes lie in. */
export const dataRoot = (): Promise<string> =>
  askEngine(async docker => (await docker.info()).DockerRootDir)
