import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** Names and addresses of loopback, as a proxy is asked for them. */
export const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\]):/

export interface ForwardProxy {
  /** As https_proxy names it, with the user and the password that it wants. */
  url: string
  /** An environment that names it in lower case, for everything, and spares nothing. */
  env: Record<string, string>
  /** Every `host:port` that it was asked for, in order, those that it refused too. */
  asked: string[]
  close(): Promise<void>
}

/**
 * A user's proxy, which writes down what it is asked for: a tunnel by CONNECT, and requests whose target
 * is a whole URL.
 * @param options.credentials `user:password`; whoever does not show them gets 407
 * @param options.address it listens on; of loopback when absent
 * @param options.hosts where a host is found that has no address, by `host:port`
 */
export async function startForwardProxy({
  credentials,
  address = '127.0.0.1',
  hosts = {},
}: {
  credentials?: string
  address?: string
  hosts?: Record<string, string>
} = {}): Promise<ForwardProxy> {
  const asked: string[] = []
  const open = new Set<Socket>()
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
  const lets = ({ headers }: IncomingMessage) =>
    wanted === undefined || headers['proxy-authorization'] === wanted
  const placeOf = (target: string) => {
    const [host, port] = (hosts[target] ?? target).split(/:(?=\d+$)/) as [string, string]
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
  }

  const server = createServer((incoming, response) => {
    const { protocol, host, pathname, search } = new URL(incoming.url!, 'origin://form')
    const target = /:\d+$/.test(host) ? host : `${host}:80`
    asked.push(target)
    if (!lets(incoming)) return response.writeHead(407).end()
    if (protocol !== 'http:') return response.writeHead(400).end()
    const { method, headers } = incoming
    const onward = request({ ...placeOf(target), method, headers, path: pathname + search })
    onward.on('response', answer => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    return incoming.pipe(onward)
  })
  server.on('connection', socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
  })
  server.on('connect', (incoming, socket) => {
    asked.push(incoming.url!)
    if (!lets(incoming)) return socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    const onward = connect(placeOf(incoming.url!), () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    return socket.on('error', () => onward.destroy())
  })
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://${credentials === undefined ? '' : `${credentials}@`}${address}:${port}`
  return {
    url,
    env: { http_proxy: url, https_proxy: url, no_proxy: '', NO_PROXY: '' },
    asked,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
