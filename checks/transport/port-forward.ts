import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { CoreV1Api, PortForward, V1Pod } from '@kubernetes/client-node'
import { Failure, reasonOf } from '../../infra/failure.ts'
import type { Endpoint } from '../../infra/outputs.ts'
import { kubeConfig } from './kube-config.ts'

export type ForwardedEndpoint = Extract<Endpoint, { kind: 'port-forward' }>

const LOOPBACK = '127.0.0.1'

/**
 * Opens a port of this machine whose connections go through the cluster's API server to a ready pod. Each
 * connection looks for its pod anew, so one that was replaced is no hindrance.
 * @returns the URL here, and what closes it with all its connections
 * @throws Failure `unavailable` when the cluster does not answer or no pod is ready
 */
export async function forwardPort(
  endpoint: ForwardedEndpoint,
): Promise<{ url: string; close(): Promise<void> }> {
  const { CoreV1Api, PortForward } = await import('@kubernetes/client-node')
  const config = await kubeConfig(endpoint.context)
  const core = config.makeApiClient(CoreV1Api)
  const forward = new PortForward(config)
  await readyPod(core, endpoint)

  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    // Whoever called finds the connection broken, and says so in its own words.
    socket.on('error', () => undefined)
    carry(socket, core, forward, endpoint).catch(() => socket.destroy())
  })
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${LOOPBACK}:${port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

async function carry(
  socket: Socket,
  core: CoreV1Api,
  forward: PortForward,
  endpoint: ForwardedEndpoint,
): Promise<void> {
  const pod = await readyPod(core, endpoint)
  const channel = await forward.portForward(
    endpoint.namespace,
    pod,
    [endpoint.port],
    socket,
    breaking(socket),
    socket,
  )
  const ended = typeof channel === 'function' ? channel() : channel
  ended?.on('close', () => socket.destroy())
  ended?.on('error', () => socket.destroy())
  socket.on('close', () => ended?.close())
}

/** What the node says when nothing listens in the pod. */
const breaking = (socket: Socket): Writable =>
  new Writable({
    write(text: Buffer, _encoding, done) {
      // The channel opens with the port's number, of which the library leaves an empty text.
      if (text.length > 0) socket.destroy()
      done()
    },
  })

async function readyPod(
  core: CoreV1Api,
  { namespace, selector, context }: ForwardedEndpoint,
): Promise<string> {
  const { items } = await core
    .listNamespacedPod({ namespace, labelSelector: selector })
    .catch(error => {
      throw new Failure(
        'unavailable',
        `The cluster${context === undefined ? '' : ` of context ${context}`} does not answer: ${reasonOf(error)}`,
        { mend: 'kubectl cluster-info', cause: error },
      )
    })
  const name = items.find(isReady)?.metadata?.name
  if (name !== undefined) return name
  throw new Failure(
    'unavailable',
    `No pod of ${selector} in namespace ${namespace} is ready (${items.length} there)`,
    { mend: `kubectl -n ${namespace} get pods` },
  )
}

const isReady = ({ metadata, status }: V1Pod): boolean =>
  metadata?.deletionTimestamp === undefined &&
  (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
