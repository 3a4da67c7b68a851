import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What a gate does with a connection:
 * - `open`: lets everything through
 * - `hang`: takes it, and holds everything back until it does something else
 * - `close`: takes it, and ends it at the first request
 * - `slow`: lets everything through, the answers after `SLOW_MS`
 */
export type GateMode = 'open' | 'hang' | 'close' | 'slow'

const SLOW_MS = 8000

/** A way to a real server that can be made a bad one at any time, for connections that exist too. */
export class Gate {
  readonly url: string
  #mode: GateMode = 'open'
  readonly #changes = new EventEmitter().setMaxListeners(0)
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
      client.on('data', async chunk => {
        await gate.#notHanging()
        if (gate.mode === 'close') client.destroy()
        else if (upstream.writable) upstream.write(chunk)
      })
      upstream.on('data', async chunk => {
        if (gate.mode === 'slow') await sleep(SLOW_MS)
        await gate.#notHanging()
        if (client.writable) client.write(chunk)
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

  get mode(): GateMode {
    return this.#mode
  }

  set mode(mode: GateMode) {
    this.#mode = mode
    this.#changes.emit('change')
  }

  async #notHanging(): Promise<void> {
    while (this.#mode === 'hang') await once(this.#changes, 'change')
  }

  stop(): Promise<void> {
    return this.#end()
  }
}
