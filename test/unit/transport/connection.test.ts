import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { type Call, Connection } from '../../../checks/transport/connection.ts'
import { type ForwardProxy, startForwardProxy } from '../../support/servers/forward-proxy.ts'

type Answer = Parameters<typeof createServer>[1]

describe('a connection to a server', () => {
  const servers: Server[] = []
  const connections: Connection[] = []
  const proxies: ForwardProxy[] = []

  afterEach(async () => {
    vi.unstubAllEnvs()
    for (const proxy of proxies.splice(0)) await proxy.close()
    for (const connection of connections.splice(0)) await connection.close()
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  /** @param answers to the first request, the second, …; the last one to all that follow */
  async function connectTo(
    answers: NonNullable<Answer>[],
    maxConnections = 4,
    maxWriting?: number,
  ) {
    const seen = { requests: 0, together: 0, most: 0 }
    const server = createServer((request, response) => {
      const answer = answers[Math.min(seen.requests, answers.length - 1)]!
      seen.requests += 1
      seen.together += 1
      seen.most = Math.max(seen.most, seen.together)
      response.on('close', () => {
        seen.together -= 1
      })
      answer(request, response)
    }).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { maxConnections, maxWriting }
    const connection = new Connection('Chroma', `http://127.0.0.1:${port}/`, options)
    connections.push(connection)
    return { connection, seen, url: `http://127.0.0.1:${port}` }
  }

  const says =
    (status: number, body: string): NonNullable<Answer> =>
    (_, response) =>
      response.writeHead(status).end(body)
  const breaks: NonNullable<Answer> = request => request.socket.destroy()
  const hangs: NonNullable<Answer> = () => {}
  const stopsHalfWay: NonNullable<Answer> = (_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"half":')
  }
  const ask = (connection: Connection, call: Partial<Call> = {}) =>
    connection.json('/x', z.object({ ok: z.boolean() }), {
      deadline: 5000,
      repeatable: true,
      ...call,
    })

  it('gives the answer, checked', async () => {
    const { connection } = await connectTo([says(200, '{"ok":true,"more":1}')])
    expect(await ask(connection)).toEqual({ ok: true })
  })

  it.each([
    ['busy', says(503, '{"error":"server busy"}'), 'answered 503: server busy'],
    ['busy', says(429, ''), 'answered 429: no reason given'],
    ['busy', says(500, '{"message":"(code: 5) database is locked"}'), 'database is locked'],
    ['missing', says(404, '{"error":"model not found"}'), 'model not found'],
    ['cancelled', says(499, '{"error":"request canceled"}'), 'canceled'],
    ['rejected', says(400, '{"message":"Invalid where clause"}'), 'Invalid where clause'],
    ['memory', says(500, '{"error":"model requires more system memory (13.4 GiB)"}'), '13.4 GiB'],
    ['faulty', says(500, '<html>Bad gateway</html>'), 'answered 500: <html>Bad gateway'],
    ['faulty', says(200, '{"ok":1}'), 'something else than expected'],
    ['faulty', says(200, 'ok'), 'something else than expected'],
    ['unreachable', breaks, 'cannot be reached'],
  ])('says that the server is %s', async (reason, answer, message) => {
    const { connection, url } = await connectTo([answer])
    const error = await ask(connection, { repeatable: false }).catch(error => error)
    expect(error).toMatchObject({ name: 'ServerError', reason })
    expect(error.message).toContain(message)
    expect(error.message).toContain(`Chroma at ${url}`)
  })

  it.each([
    ['never answers', hangs],
    ['stops in the middle of its answer', stopsHalfWay],
  ])('gives a server up that %s', async (_, answer) => {
    const { connection } = await connectTo([answer])
    await expect(ask(connection, { deadline: 100 })).rejects.toMatchObject({ reason: 'late' })
  })

  it('says that nobody listens there', async () => {
    const { connection, seen } = await connectTo([hangs])
    servers[0]!.close()
    const error = await ask(connection).catch(error => error)
    expect(error).toMatchObject({ reason: 'unreachable' })
    expect(error.message).toContain('ECONNREFUSED')
    expect(seen.requests).toBe(0)
  })

  it('tries again what may be repeated, while the trouble is one that passes', async () => {
    const fine = says(200, '{"ok":true}')
    const { connection, seen } = await connectTo([breaks, says(503, ''), fine])
    expect(await ask(connection)).toEqual({ ok: true })
    expect(seen.requests).toBe(3)
  })

  it.each([
    ['what may not be repeated', breaks, false],
    ['what was refused', says(400, '{}'), true],
    ['what failed', says(500, '{}'), true],
  ])('does not try again %s', async (_, answer, repeatable) => {
    const { connection, seen } = await connectTo([answer])
    await expect(ask(connection, { repeatable })).rejects.toThrow()
    expect(seen.requests).toBe(1)
  })

  it('gives up after a few attempts', async () => {
    const { connection, seen } = await connectTo([says(503, '')])
    await expect(ask(connection)).rejects.toMatchObject({ reason: 'busy' })
    expect(seen.requests).toBe(3)
  })

  it("ends with the caller's own reason when the caller gives up", async () => {
    const { connection } = await connectTo([hangs])
    const controller = new AbortController()
    const asked = ask(connection, { signal: controller.signal })
    controller.abort(new Error('Ctrl-C'))
    await expect(asked).rejects.toThrow('Ctrl-C')
    await expect(ask(connection, { signal: controller.signal })).rejects.toThrow('Ctrl-C')
  })

  it('gives up at once while it waits for a connection, and then sends nothing', async () => {
    const { connection, seen } = await connectTo([hangs], 1)
    const first = ask(connection, { deadline: 1000 }).catch(error => error)
    while (seen.requests < 1) await setImmediate()
    const controller = new AbortController()
    const second = ask(connection, { signal: controller.signal })
    controller.abort(new Error('Ctrl-C'))
    await expect(second).rejects.toThrow('Ctrl-C')
    expect(await first).toMatchObject({ reason: 'late' })
    await expect(ask(connection, { deadline: 200 })).rejects.toMatchObject({ reason: 'late' })
    expect(seen.requests).toBe(2)
  })

  it('reaches a server below a path', async () => {
    const paths: (string | undefined)[] = []
    const { url } = await connectTo([
      (request, response) => {
        paths.push(request.url)
        response.end('{"ok":true}')
      },
    ])
    const connection = new Connection('Chroma', `${url}/below/`, { maxConnections: 1 })
    connections.push(connection)
    await connection.json('/x?y=1', z.unknown(), { deadline: 5000, repeatable: true })
    expect(paths).toEqual(['/below/x?y=1'])
  })

  it('answers readers at once while more is being written than it takes at a time', async () => {
    const fine = says(200, '{"ok":true}')
    const { connection, seen } = await connectTo([hangs, hangs, fine], 4, 2)
    const writes = Array.from({ length: 6 }, () => ask(connection, { writes: true, deadline: 500 }))
    const ended = Promise.allSettled(writes)
    while (seen.requests < 2) await setImmediate()
    const reads = await Promise.all(Array.from({ length: 6 }, () => ask(connection)))
    expect(reads).toHaveLength(6)
    expect(seen.most).toBeLessThanOrEqual(4)
    for (const { status, reason } of (await ended) as PromiseRejectedResult[]) {
      expect([status, reason.reason]).toEqual(['rejected', 'late'])
    }
  })

  it('goes through the proxy of the environment to a server elsewhere, and not to one on loopback', async () => {
    const { connection, url } = await connectTo([says(200, '{"ok":true}')])
    const hosts = { 'chroma.example.org:80': new URL(url).host }
    const proxy = await startForwardProxy({ credentials: 'ada:s3cret', hosts })
    proxies.push(proxy)
    vi.stubEnv('HTTP_PROXY', proxy.url)
    vi.stubEnv('http_proxy', undefined)
    const elsewhere = new Connection('Chroma', 'http://chroma.example.org', { maxConnections: 2 })
    connections.push(elsewhere, new Connection('Chroma', url, { maxConnections: 2 }))
    const call = { deadline: 5000, repeatable: false }

    expect(await ask(elsewhere)).toEqual({ ok: true })
    const open = elsewhere.open(call)
    expect(await (await open.fetch('http://chroma.example.org/x')).json()).toEqual({ ok: true })
    open.end()
    expect(await ask(connections.at(-1)!)).toEqual({ ok: true })
    expect(await ask(connection)).toEqual({ ok: true })
    expect(proxy.asked).toEqual(['chroma.example.org:80', 'chroma.example.org:80'])
  })

  it('reads and writes by its only connection', async () => {
    const { connection, seen } = await connectTo([says(200, '{"ok":true}')], 1, 2)
    await Promise.all([ask(connection), ask(connection, { writes: true }), ask(connection)])
    expect(seen.most).toBe(1)
  })

  it('keeps to its number of connections, and the others wait', async () => {
    const slowly: NonNullable<Answer> = (_, response) =>
      setTimeout(() => response.end('{"ok":true}'), 20)
    const { connection, seen } = await connectTo([slowly], 3)
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(connection)))
    expect(answers).toHaveLength(20)
    expect(seen.most).toBe(3)
  })
})
