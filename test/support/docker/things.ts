import { stat } from 'node:fs/promises'
import type Docker from 'dockerode'
import {
  CONTAINER_OWNER_LABEL,
  PART_LABEL,
  STACK_LABEL,
} from '../../../infra/docker/docker-names.ts'
import { NODE_IMAGE } from './images.ts'

type Labels = Record<string, string>

/** The labels that a stack's program gives; without an owner, as the versions before owners did. */
export const stackLabels = (part: string, owner?: string, stack = 'dev'): Labels => ({
  [STACK_LABEL]: stack,
  [PART_LABEL]: part,
  ...(owner !== undefined && { [CONTAINER_OWNER_LABEL]: owner }),
})

/** A container that was made and not started, as an update that was killed leaves one. @returns its id */
export async function leaveContainer(
  docker: Docker,
  name: string,
  labels: Labels,
  host: Docker.HostConfig = {},
): Promise<string> {
  const { id } = await docker.createContainer({
    name,
    Image: NODE_IMAGE,
    Cmd: ['sleep', 'infinity'],
    Labels: labels,
    HostConfig: host,
  })
  return id
}

/** What every Engine has; it makes the first one anew when it starts. */
const BUILT_IN = ['bridge', 'host', 'none']

/** Everything of an Engine that somebody may miss, by name: containers and networks by id, volumes by their folders. */
export async function everythingOf(docker: Docker): Promise<Record<string, string>> {
  const [containers, networks, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
    docker.listVolumes(),
  ])
  const folders = await Promise.all(Volumes.map(({ Mountpoint }) => stat(Mountpoint)))
  return Object.fromEntries([
    ...containers.map(({ Names, Id }) => [`container ${Names[0]?.slice(1)}`, Id]),
    ...networks
      .filter(({ Name }) => !BUILT_IN.includes(Name))
      .map(({ Name, Id }) => [`network ${Name}`, Id]),
    // When the Engine says that a volume was made is when something was last put into it.
    ...Volumes.map(({ Name }, index) => [`volume ${Name}`, `${folders[index]!.ino}`]),
  ])
}
