import { BlockList, isIPv6, type Server, type Socket } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'
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
  const exempt = listOf(proxies)
  const open = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    if (exempt.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4')) return
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

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}
