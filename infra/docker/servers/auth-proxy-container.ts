import type * as docker from '@pulumi/docker'
import type * as pulumi from '@pulumi/pulumi'
import { type AuthProxy, NGINX_CONFIG, nginxCommand, nginxConfig } from '../../auth-proxy/nginx.ts'
import type { Share } from '../../capacity/workload.ts'
import { container, type StackContext } from '../container.ts'
import { limitsOf } from '../container-limits.ts'
import { authProxyOf } from '../docker-names.ts'
import { listening } from './container-health.ts'

const LOOPBACK = '127.0.0.1'
/** The image's own user. */
const USER = '101'

/** The front of a server, whose network namespace the server shares. */
export interface AuthProxyArgs {
  /** Of the server, which is reached under this name. */
  part: string
  image: pulumi.Input<string>
  share: Share | undefined
  /** It holds tokens, and so is a secret as a whole. */
  front: pulumi.Output<AuthProxy>
  /** Where it listens within the network … */
  port: number
  /** … and on the host's loopback, for the provisioner and the checks. */
  published: number
  /** See sharingMemory. */
  sharesMemory?: boolean
}

/** The proxy that holds a network namespace: the server beside it listens there on loopback. */
export function authProxyContainer(
  surroundings: StackContext,
  { part, image, share, front, port, published, sharesMemory = false }: AuthProxyArgs,
): docker.Container {
  const config = front.apply(nginxConfig)
  return container(surroundings, {
    part: authProxyOf(part),
    image,
    user: `${USER}:${USER}`,
    entrypoints: nginxCommand().slice(0, 1),
    command: nginxCommand().slice(1),
    uploads: [{ file: NGINX_CONFIG, content: config, owner: USER, permissions: '0400' }],
    networksAdvanced: [{ name: surroundings.network.name, aliases: [part] }],
    ...(sharesMemory && { ipcMode: 'shareable' }),
    ports: [{ internal: port, external: published, ip: LOOPBACK }],
    healthcheck: listening(port),
    ...limitsOf(share?.limits),
  })
}

/** Puts a server into its front's network namespace: it has no other. */
export const shareNetworkOf = (
  front: docker.Container,
): Pick<docker.ContainerArgs, 'networkMode'> => ({
  networkMode: front.id.apply(id => `container:${id}`),
})

/** Has a server and its front share the files that they keep in memory, for a front whose `sharesMemory` is set. */
export const sharingMemory = (front: docker.Container): Pick<docker.ContainerArgs, 'ipcMode'> => ({
  ipcMode: front.id.apply(id => `container:${id}`),
})
