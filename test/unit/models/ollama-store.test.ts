import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, it } from 'vitest'
import { seconds } from '../../../infra/units.ts'
import { OllamaStore } from '../../../provision/models/ollama-store.ts'

let server: Server
let store: OllamaStore

/** A store whose Ollama answers so. */
async function storeOf(answer: RequestListener): Promise<void> {
  server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  store = new OllamaStore({ url, token: 't0ken' }, new AbortController().signal, seconds(5))
}

afterEach(async () => {
  await store.close()
  server.close()
})

const create = () => store.create({ model: 'tiny:1b', from: 'other:1b' }, () => {})

it('tells a full disk by what Ollama says in the middle of its work', async () => {
  await storeOf((_, response) => {
    response.write('{"status":"writing"}\n')
    response.end('{"error":"write /models/blobs/sha256-1: no space left on device"}\n')
  })
  await expect(create()).rejects.toMatchObject({ name: 'ServerError', reason: 'full' })
})

it('says what mends a server that goes away in the middle of its work', async () => {
  await storeOf((_, response) => {
    response.write('{"status":"writing"}\n', () => response.destroy())
  })
  await expect(create()).rejects.toMatchObject({
    reason: 'unreachable',
    mend: 'start it with: npm run up',
  })
})

it('uploads a file that Ollama does not have, and no other', async () => {
  const blobs = new Map<string, string>()
  const answer = async ({ method, url, headers }: IncomingMessage, body: () => Promise<string>) => {
    if (headers.authorization !== 'Bearer t0ken') return 401
    if (method === 'HEAD') return blobs.has(url!) ? 200 : 404
    blobs.set(url!, await body())
    return 201
  }
  await storeOf(async (request, response) => {
    response.writeHead(await answer(request, () => text(request))).end()
  })
  const content = async function* () {
    yield Buffer.from('some ')
    yield Buffer.from('weights')
  }
  expect(await store.upload('sha256:1', content)).toBe(true)
  expect(await store.upload('sha256:1', content)).toBe(false)
  expect([...blobs]).toEqual([['/api/blobs/sha256:1', 'some weights']])
})
