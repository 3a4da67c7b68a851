import type { RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Takes one request of a connection at a time. Who sends a second before the first is answered (HTTP pipelining) would
 * have as many under way as it likes, so it is refused, after the answer to the first, and the connection closed; with
 * a third the connection ends at once. One after another over a connection that is kept goes on working.
 */
export function oneAtATime(handle: RequestListener): RequestListener {
  const underWay = new WeakMap<Socket, number>()
  return (request, response) => {
    const { socket } = request
    // What is behind the last request that is answered is not looked at.
    if (socket.destroyed || socket.writableEnded) return void socket.destroy()
    const count = (underWay.get(socket) ?? 0) + 1
    underWay.set(socket, count)
    response.once('close', () => underWay.set(socket, underWay.get(socket)! - 1))
    if (count === 1) return handle(request, response)
    if (count === 2) return refuse(response)
    socket.destroy()
  }
}

const REFUSAL = JSON.stringify({
  error: {
    code: 'too-many-requests',
    message:
      'A request of this connection is under way: the next is sent when it is answered, or over another connection',
  },
})

function refuse(response: ServerResponse): void {
  response.writeHead(429, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(REFUSAL),
    connection: 'close',
  })
  response.end(REFUSAL)
}
