import type { Server, Socket } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'
import { isIn, rangeOf } from '../../../infra/egress/ip-ranges.ts'
import { CONNECTIONS } from './limits.ts'

/**
 * Bounds the connections in all and of each address, an IPv6 network of 64 bits counting as one: whoever is over is
 * closed at once. Proxies may have all of them, since everybody comes through them.
 * @param proxies addresses and ranges (10.0.0.7, 10.244.0.0/16)
 */
export function boundConnections(
  server: Server,
  proxies: readonly string[],
  bounds = CONNECTIONS,
): void {
  server.maxConnections = bounds.all
  const exempt = proxies.map(rangeOf)
  const open = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    if (exempt.some(range => isIn(range, remoteAddress))) return
    const address = normalizeIP(remoteAddress)
    const others = open.get(address) ?? 0
    if (others >= bounds.ofAddress) return void socket.destroy()
    open.set(address, others + 1)
    socket.once('close', () => {
      const left = open.get(address)! - 1
      if (left === 0) open.delete(address)
      else open.set(address, left)
    })
  })
}
