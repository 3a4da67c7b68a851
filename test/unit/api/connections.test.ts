import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { boundConnections } from '../../../checks/api/traffic/connections.ts'
import { oneAtATime } from '../../../checks/api/traffic/one-at-a-time.ts'

const BOUNDS = { all: 40, ofAddress: 10 }
const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'

describe('the connections of the API', () => {
  let server: Server
  const opened: Socket[] = []
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.destroy()
    server.close()
    server.closeAllConnections()
  })

  async function serve(handle: RequestListener, proxies: string[] = []) {
    server = createServer(handle)
    boundConnections(server, proxies, BOUNDS)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }

  function open(from = '127.0.0.1') {
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    opened.push(socket.on('error', () => {}))
    return socket
  }

  /** Whether so many of an address are answered beside each other. */
  async function answered(count: number, from?: string) {
    const answers = Array.from({ length: count }, async () => {
      const socket = open(from)
      socket.write(REQUEST)
      return new Promise(resolve => {
        socket.once('data', () => resolve(true)).once('close', () => resolve(false))
      })
    })
    return (await Promise.all(answers)).filter(Boolean).length
  }

  it('are bounded for each address: who is over is closed, and others are let in', async () => {
    await serve((_request, response) => response.end())
    expect(await answered(BOUNDS.ofAddress + 5, '127.0.0.2')).toBe(BOUNDS.ofAddress)
    expect(await answered(1, '127.0.0.3')).toBe(1)
    for (const socket of opened.splice(0)) socket.destroy()
    while ((await answered(1, '127.0.0.2')) === 0);
  })

  it.each([['127.0.0.2'], ['127.0.0.0/8']])(
    'of proxies (%s) are bounded by what there is in all only',
    async proxy => {
      await serve((_request, response) => response.end(), [proxy])
      expect(await answered(BOUNDS.all + 5, '127.0.0.2')).toBe(BOUNDS.all)
    },
  )

  describe('take one request at a time:', () => {
    const waiting: ServerResponse[] = []
    afterEach(() => {
      waiting.length = 0
    })
    const hold = oneAtATime((_request, response) => waiting.push(response))

    it('a second is refused after the first is answered, and the connection closed', async () => {
      await serve(hold)
      const socket = open()
      socket.write(REQUEST)
      while (waiting.length === 0) await once(server, 'request')
      socket.write(REQUEST)
      await once(server, 'request')
      waiting[0]!.end('first')
      const answer = await text(socket)
      const [, first, second] = answer.split('HTTP/1.1 ')
      expect(first).toMatch(/^200 OK.*first/s)
      expect(second).toMatch(/^429 Too Many Requests.*connection: close/is)
      expect(JSON.parse(second!.split('\r\n\r\n')[1]!)).toMatchObject({
        error: { code: 'too-many-requests' },
      })
      expect(waiting).toHaveLength(1)
    })

    it('with a third the connection ends, and with it the first', async () => {
      await serve(hold)
      const socket = open()
      socket.write(REQUEST.repeat(300))
      expect(await text(socket)).toBe('')
      expect(waiting).toHaveLength(1)
      expect(waiting[0]!.destroyed).toBe(true)
    })

    it('one after another over a connection that is kept are all answered', async () => {
      await serve(oneAtATime((_request, response) => response.end('x'.repeat(100_000))))
      const socket = open()
      for (let count = 0; count < 50; count += 1) {
        socket.write(REQUEST)
        let received = 0
        while (received < 100_000) received += (await once(socket, 'data'))[0].length
      }
      expect(socket.destroyed).toBe(false)
    })
  })
})
