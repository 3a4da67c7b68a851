import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { chat, chatStream } from '../../../checks/inference/chat.ts'
import { embed } from '../../../checks/inference/embed.ts'
import { OllamaServer } from '../../../checks/inference/ollama-server.ts'
import { Connection } from '../../../checks/transport/connection.ts'
import { KiB, minutes } from '../../../infra/units.ts'
import { CHAT_MODEL, EMBEDDING_MODEL } from '../../support/store/deployment.ts'

const CALLS = 20_000
/** What one call kept in a long-lived signal was about 270 bytes before. */
const KEPT = 30

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

describe('a signal that outlives many calls', () => {
  const connection = new Connection('Chroma', 'http://127.0.0.1:9', {
    maxConnections: 1,
    fetch: async () => new Response('{}'),
  })
  const { signal } = new AbortController()
  const call = { deadline: 60_000, repeatable: true, signal }

  it('keeps nothing of those that are over', async () => {
    const ask = async () => {
      for (let count = 0; count < CALLS; count += 1) await connection.json('/', z.unknown(), call)
    }
    const heap = () => {
      collectGarbage()
      return process.memoryUsage().heapUsed
    }
    await ask()
    const before = heap()
    await ask()
    expect((heap() - before) / KiB).toBeLessThan((CALLS * KEPT) / KiB)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('lets go of a call that nobody ends, once its time is over', async () => {
    await connection.open({ ...call, deadline: 20 }).fetch('http://127.0.0.1:9/')
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await expect.poll(() => getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('a call to Ollama that is over', () => {
  const model = { ...EMBEDDING_MODEL, dimensions: 2 }
  const question = [{ role: 'user', content: 'hello' }]
  const part = JSON.stringify({ message: { content: 'hello' }, done: true, done_reason: 'stop' })
  const stub = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json')
      response.end(request.url === '/api/embed' ? '{"embeddings":[[1,2]]}' : part)
    })
  })
  let server: OllamaServer

  beforeAll(async () => {
    await new Promise<void>(resolve => stub.listen(0, '127.0.0.1', resolve))
    const { port } = stub.address() as AddressInfo
    const connection = new Connection('Ollama', `http://127.0.0.1:${port}`, { maxConnections: 2 })
    server = new OllamaServer(connection)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })
  afterAll(async () => {
    await server.connection.close()
    stub.close()
  })

  /** Of everything that is read to its end, and of what is not. */
  const calls: [string, (signal: AbortSignal) => Promise<unknown>][] = [
    ['an embedding', signal => embed(server, model, ['text'], { signal })],
    ['a chat', signal => chat(server, CHAT_MODEL, question, { signal })],
    [
      'a chat that is streamed',
      async signal => {
        for await (const _ of chatStream(server, CHAT_MODEL, question, { signal }));
      },
    ],
    [
      'a chat whose reader leaves',
      async signal => {
        for await (const _ of chatStream(server, CHAT_MODEL, question, { signal })) break
      },
    ],
    [
      'an answer that is refused',
      signal => embed(server, EMBEDDING_MODEL, ['text'], { signal }).catch(() => undefined),
    ],
  ]

  it.each(calls)('has neither clock nor listener left: %s', async (_what, ask) => {
    const { signal } = new AbortController()
    const set = vi.spyOn(globalThis, 'setTimeout')
    const cleared = vi.spyOn(globalThis, 'clearTimeout')
    for (let count = 0; count < 5; count += 1) await ask(signal)
    const clocks = set.mock.results
      .filter((_, index) => Number(set.mock.calls[index]![1]) >= minutes(5))
      .map(({ value }) => value)
    const over = new Set(cleared.mock.calls.map(([clock]) => clock))
    expect(clocks).toHaveLength(5)
    expect(clocks.filter(clock => !over.has(clock))).toEqual([])
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
