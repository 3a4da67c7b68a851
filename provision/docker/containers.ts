import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type Docker from 'dockerode'
import type { ContainerInspectInfo } from 'dockerode'
import { PART_LABEL, STACK_LABEL } from '../../infra/docker/docker-names.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ifThere } from '../if-there.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { isOwn } from './is-own.ts'

const LOG_TAIL_LINES = 10

export const ofStack = ({ stack }: Pick<Settings, 'stack'>) => ({
  filters: JSON.stringify({ label: [`${STACK_LABEL}=${stack}`] }),
})

/** The containers of a stack, running or not, in the order of their names. */
export async function containersOf(
  settings: Pick<Settings, 'stack'>,
  docker: Docker,
): Promise<ContainerInspectInfo[]> {
  const listed = await docker.listContainers({ all: true, ...ofStack(settings) })
  const found = await Promise.all(
    listed.map(({ Id }) => ifThere(docker.getContainer(Id).inspect())),
  )
  return found
    .filter(container => container !== undefined)
    .toSorted((a, b) => partOf(a).localeCompare(partOf(b)))
}

/** Those of them that are the stack's own, and not of another stack of the same name. */
export async function ownContainers(
  settings: Settings,
  docker: Docker,
): Promise<ContainerInspectInfo[]> {
  const owner = await ownerOf(settings)
  const containers = await containersOf(settings, docker)
  return containers.filter(found =>
    isOwn({ name: containerName(found), labels: found.Config.Labels }, owner),
  )
}

/** `chroma-0`, `ollama-cpu-front`, `api`. */
export const partOf = ({ Config }: ContainerInspectInfo): string => Config.Labels[PART_LABEL] ?? ''

/** Without the slash that Docker puts before it. */
export const containerName = ({ Name }: Pick<ContainerInspectInfo, 'Name'>): string => Name.slice(1)

/** Ports of the host that a container holds. */
export const portsOf = ({ HostConfig }: ContainerInspectInfo): number[] =>
  Object.values((HostConfig.PortBindings ?? {}) as Record<string, { HostPort: string }[]>)
    .flat()
    .map(({ HostPort }) => Number(HostPort))

/** The last lines of a container's log, indented. */
export async function logTail({ Id }: ContainerInspectInfo, docker: Docker): Promise<string> {
  const log = await logOf(docker.getContainer(Id), docker, { tail: LOG_TAIL_LINES })
  return log.trimEnd().replace(/^/gm, '  ')
}

/** What a container has said, but for what is asked to be left out. */
export async function logOf(
  container: Docker.Container,
  docker: Docker,
  { stderr = true, ...options }: { stderr?: boolean; tail?: number } = {},
): Promise<string> {
  const asked = { stdout: true, stderr, follow: false, ...options } as const
  const log = (await container.logs(asked)) as unknown as Buffer
  const pieces = Readable.from([log])
  const both = new PassThrough()
  docker.modem.demuxStream(pieces, both, both)
  pieces.on('end', () => both.end())
  return text(both)
}
