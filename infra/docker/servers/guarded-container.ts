import * as docker from '@pulumi/docker'
import type { GuardedServer } from '../../servers/server-spec.ts'
import { container, type StackContext } from '../container.ts'
import { authProxyOf, containerLabels, volumeName } from '../docker-names.ts'
import { answering, behindAuthProxy } from './container-health.ts'

const LOOPBACK = '127.0.0.1'

/** A server and its auth proxy as one part of the stack. */
export interface GuardedPart extends GuardedServer {
  /** The name that the stack's network reaches it under. */
  part: string
  /** The auth proxy's port on the host's loopback, for the provisioner and the checks. */
  published: number
  volumeLabels?: docker.types.input.VolumeLabel[]
  /** What only Docker knows of the server. */
  own: Partial<docker.ContainerArgs>
}

/**
 * A server with its volume, in the network namespace of its auth proxy: it has no other.
 * @returns the server's container
 */
export function guardedContainer(
  context: StackContext,
  { part, server, authProxy, sharedMemory, published, volumeLabels, own }: GuardedPart,
): docker.Container {
  const { port } = authProxy
  const proxy = container(context, authProxyOf(part), authProxy, {
    networksAdvanced: [{ name: context.network.name, aliases: [part] }],
    ...(sharedMemory !== undefined && { ipcMode: 'shareable' }),
    ports: [{ internal: port, external: published, ip: LOOPBACK }],
    healthcheck: answering(port, authProxy.probe.live),
  })
  const ofProxy = proxy.id.apply(id => `container:${id}`)
  const volume = keptVolume(context, part, volumeLabels)
  const { probe, dataFolder } = server
  return container(context, part, server, {
    volumes: [{ volumeName: volume.name, containerPath: dataFolder }],
    networkMode: ofProxy,
    ...(sharedMemory !== undefined && { ipcMode: ofProxy }),
    healthcheck: behindAuthProxy(port, probe.ready ?? probe.live!),
    ...own,
  })
}

/** The volume with what must not be lost: it outlives the stack, and a stack that comes back finds it again. */
function keptVolume(
  { stack, owner, options }: StackContext,
  part: string,
  labels: docker.types.input.VolumeLabel[] = [],
): docker.Volume {
  return new docker.Volume(
    `${stack}-${part}`,
    { name: volumeName(stack, part), labels: [...containerLabels(stack, owner, part), ...labels] },
    // Labels cannot be changed without the volume: one of an older version stays as it is, and is known by its name.
    { ...options, retainOnDelete: true, ignoreChanges: ['labels'] },
  )
}
