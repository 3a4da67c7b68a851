import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningAttack, Target } from './attack.ts'

/** Milliseconds before a connection that was ended is opened anew. */
const PAUSE = 20

/**
 * Keeps so many connections open, and does the same on each: again when it was ended.
 * @param act what is done on a connection that is open
 */
export function onConnections(
  { port, from }: Target,
  count: number,
  act: (socket: Socket, index: number) => void,
): RunningAttack {
  let isOver = false
  const sockets = new Set<Socket>()
  const lives = Array.from({ length: count }, async (_, index) => {
    while (!isOver) {
      const socket = connect({ port, host: '127.0.0.1', localAddress: from })
      sockets.add(socket.on('error', () => {}).resume())
      socket.once('connect', () => act(socket, index))
      await new Promise<void>(resolve => socket.once('close', () => resolve()))
      sockets.delete(socket)
      await sleep(PAUSE)
    }
  })
  return {
    async stop() {
      isOver = true
      for (const socket of sockets) socket.destroy()
      await Promise.all(lives)
    },
  }
}

/** Writes something again and again as long as the connection is open. @param every milliseconds */
export function drip(socket: Socket, text: string, every: number): void {
  const drops = setInterval(() => socket.write(text), every)
  socket.once('close', () => clearInterval(drops))
}

/** Sends a request, and the next one as soon as something is answered. */
export function keepAsking(socket: Socket, request: () => string): void {
  socket.on('data', () => socket.write(request()))
  socket.write(request())
}

/** A request as it goes over the wire. @param body is announced by its length, unless the headers say something */
export function requestText(
  line: string,
  {
    token,
    headers = {},
    body,
  }: { token?: string; headers?: Record<string, string>; body?: string } = {},
): string {
  const announced = {
    ...(body !== undefined && { 'content-length': `${Buffer.byteLength(body)}` }),
    ...headers,
  }
  const all = {
    host: 'localhost',
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...('transfer-encoding' in announced ? headers : announced),
  }
  const fields = Object.entries(all).map(field => `${field.join(': ')}\r\n`)
  return `${line} HTTP/1.1\r\n${fields.join('')}\r\n${body ?? ''}`
}
