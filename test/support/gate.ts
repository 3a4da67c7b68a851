import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What a gate does with a connection:
 * - `open`: lets everything through
 * - `hang`: takes it, and says nothing
 * - `close`: takes it, and ends it at the first request
 * - `slow`: lets everything through, the answers after `SLOW_MS`
 */
export type GateMode = 'open' | 'hang' | 'close' | 'slow'

const SLOW_MS = 8000

/** A way to a real server that can be made a bad one at any time, for connections that exist too. */
export class Gate {
  readonly url: string
  mode: GateMode = 'open'
  readonly #end: () => Promise<void>

  private constructor(url: string, end: () => Promise<void>) {
    this.url = url
    this.#end = end
  }

  static async before(target: string): Promise<Gate> {
    const { hostname, port } = new URL(target)
    const sockets = new Set<Socket>()
    const server = createServer({ allowHalfOpen: true }, client => {
      const upstream = connect(Number(port), hostname)
      for (const socket of [client, upstream]) {
        sockets.add(socket)
        socket.on('error', () => {}).on('close', () => sockets.delete(socket))
      }
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => client.destroy())
      client.on('data', chunk => {
        if (gate.mode === 'close') client.destroy()
        else if (gate.mode !== 'hang') upstream.write(chunk)
      })
      upstream.on('data', async chunk => {
        if (gate.mode === 'slow') await sleep(SLOW_MS)
        if (gate.mode !== 'hang' && client.writable) client.write(chunk)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const gate = new Gate(url, async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    })
    return gate
  }

  stop(): Promise<void> {
    return this.#end()
  }
}
