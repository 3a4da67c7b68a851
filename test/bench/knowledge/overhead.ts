import { Agent, request } from 'undici'
import { type ConnectedDeployment, openDeployment } from '../../../checks/connected-deployment.ts'
import { type Population, randomFrom } from './population.ts'
import { freshStore, questions } from './queries.ts'

const ROUNDS = 10
const QUESTIONS = 200

export interface Overhead {
  /**
   * Milliseconds of each round: the queries, and the same requests sent and their answers parsed, nothing else.
   * Requests that the store has under way together are sent together.
   */
  store: number[]
  requests: number[]
}

/**
 * What the store takes beyond the requests that it sends. Each question is asked both ways, one right after the other:
 * Chroma answers the sooner the less it has rested (measured: the same requests take 3.5 ms with no time in between, 3.9
 * with 0.45 ms, 4.9 with 3), so that in blocks of their own who takes longer in between would seem to take longer still.
 */
export async function overhead(
  deployment: ConnectedDeployment,
  population: Population,
): Promise<Overhead> {
  const asked = questions(population, { least: 1, most: 200 }, QUESTIONS, randomFrom(4))
  const sent = await recorded(deployment, population, asked)
  const agent = new Agent()
  const figures: Overhead = { store: [], requests: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    // Who has been asked once is asked again with far fewer requests.
    const ask = await freshStore(deployment, population)
    const millis = { store: 0, requests: 0 }
    for (const [number, { creator, vector }] of asked.entries()) {
      const ways = [
        async () => {
          millis.store += await millisOf(() => ask(creator, vector))
        },
        async () => {
          millis.requests += await millisOf(() => sendAll(sent[number]!, agent))
        },
      ]
      // Who comes second finds the server's pages in memory.
      for (const way of (round + number) % 2 === 0 ? ways : ways.reverse()) await way()
    }
    figures.store.push(millis.store)
    figures.requests.push(millis.requests)
  }
  await agent.close()
  return figures
}

interface Sent {
  url: string
  body: string
}

async function sendAll(sent: Sent[][], dispatcher: Agent): Promise<void> {
  for (const together of sent) await Promise.all(together.map(one => send(one, dispatcher)))
}

async function send({ url, body }: Sent, dispatcher: Agent): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const answer = await request(url, { method: 'POST', headers, body, dispatcher })
  return JSON.parse(await answer.body.text())
}

/** The requests that each question sends once the shards are known, in groups of which each waits for the one before. */
async function recorded(
  { outputs }: ConnectedDeployment,
  population: Population,
  asked: ReturnType<typeof questions>,
): Promise<Sent[][][]> {
  let sent: Sent[][] = []
  let underWay = 0
  const watched = await openDeployment(outputs, {
    fetch: async (url, init) => {
      if (underWay === 0) sent.push([])
      sent.at(-1)?.push({ url: String(url), body: String(init?.body) })
      underWay += 1
      return fetch(url, init).finally(() => {
        underWay -= 1
      })
    },
  })
  const ask = await freshStore(watched, population)
  const all: Sent[][][] = []
  for (const { creator, vector } of asked) {
    sent = []
    await ask(creator, vector)
    all.push(sent)
  }
  await watched.close()
  return all
}

async function millisOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
