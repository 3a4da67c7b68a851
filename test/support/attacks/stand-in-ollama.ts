import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { vectorFor } from '../../../checks/probe/vectors.ts'
import { DIMENSION } from './attack-bodies.ts'

/** Milliseconds for anything that is no embedding. */
const SLOW = 2000

/** Milliseconds for a text: less than the smallest model takes for a short one on two cores (46). */
const TEXT = 20

/** In the place of an Ollama: embeds one text after another, as its hash, and takes its time for all else. */
export async function startStandInOllama(): Promise<{ url: string; stop(): Promise<void> }> {
  let turn = Promise.resolve()
  const server = createServer(async (request, response) => {
    const answer = (content: object) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(content))
    }
    if (request.url !== '/api/embed') {
      await sleep(SLOW)
      return answer({ models: [], version: '0.0.0' })
    }
    const { input } = (await json(request)) as { input: string[] }
    for (const _ of input) turn = turn.then(() => sleep(TEXT))
    await turn
    return answer({ embeddings: input.map(text => vectorFor(text, DIMENSION)) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
