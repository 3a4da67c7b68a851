import type * as docker from '@pulumi/docker'
import type * as pulumi from '@pulumi/pulumi'
import type { Share } from '../capacity/workload.ts'
import { FRONT_CONFIG, type Front, frontCommand, frontConfig } from '../front/nginx.ts'
import { container, type Surroundings } from './container.ts'
import { listening } from './health.ts'
import { limitsOf } from './limits.ts'
import { frontOf } from './names.ts'

const LOOPBACK = '127.0.0.1'
/** The image's own user. */
const USER = '101'

/** The front of a server, whose network namespace the server shares. */
export interface FrontArgs {
  /** Of the server, which is reached under this name. */
  part: string
  image: pulumi.Input<string>
  share: Share | undefined
  /** It holds tokens, and so is a secret as a whole. */
  front: pulumi.Output<Front>
  /** Where it listens within the network … */
  port: number
  /** … and on the host's loopback, for the provisioner and the checks. */
  published: number
  /** See sharingMemory. */
  sharesMemory?: boolean
}

/** The proxy that holds a network namespace: the server beside it listens there on loopback. */
export function frontContainer(
  surroundings: Surroundings,
  { part, image, share, front, port, published, sharesMemory = false }: FrontArgs,
): docker.Container {
  const config = front.apply(frontConfig)
  return container(surroundings, {
    part: frontOf(part),
    image,
    user: `${USER}:${USER}`,
    entrypoints: frontCommand().slice(0, 1),
    command: frontCommand().slice(1),
    uploads: [{ file: FRONT_CONFIG, content: config, owner: USER, permissions: '0400' }],
    networksAdvanced: [{ name: surroundings.network.name, aliases: [part] }],
    ...(sharesMemory && { ipcMode: 'shareable' }),
    ports: [{ internal: port, external: published, ip: LOOPBACK }],
    healthcheck: listening(port),
    ...limitsOf(share?.limits),
  })
}

/** Puts a server into its front's network namespace: it has no other. */
export const besides = (front: docker.Container): Pick<docker.ContainerArgs, 'networkMode'> => ({
  networkMode: front.id.apply(id => `container:${id}`),
})

/** Has a server and its front share the files that they keep in memory, for a front whose `sharesMemory` is set. */
export const sharingMemory = (front: docker.Container): Pick<docker.ContainerArgs, 'ipcMode'> => ({
  ipcMode: front.id.apply(id => `container:${id}`),
})
