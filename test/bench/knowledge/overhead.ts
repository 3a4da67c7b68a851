import { Agent, request } from 'undici'
import { type Deployment, openDeployment } from '../../../checks/deployment.ts'
import { type Population, randomFrom } from './population.ts'
import { type Ask, freshStore, questions } from './queries.ts'

const ROUNDS = 5
const QUESTIONS = 60

export interface Overhead {
  /** Milliseconds of each round: the queries, and the same requests sent and their answers parsed, nothing else. */
  store: number[]
  requests: number[]
}

/** What the store takes beyond the requests that it sends. */
export async function overhead(deployment: Deployment, population: Population): Promise<Overhead> {
  const asked = questions(population, { least: 1, most: 200 }, QUESTIONS, randomFrom(4))
  const run = async (ask: Ask) => {
    for (const { creator, vector } of asked) await ask(creator, vector)
  }
  const sent = await recorded(deployment, population, run)
  const agent = new Agent({ connections: 1 })
  const figures: Overhead = { store: [], requests: [] }
  for (let round = 0; round < ROUNDS; round += 1) {
    // Who has been asked once is asked again with far fewer requests.
    const ask = await freshStore(deployment, population)
    figures.store.push(await millisOf(() => run(ask)))
    figures.requests.push(
      await millisOf(async () => {
        for (const { url, body } of sent) {
          const headers = { 'content-type': 'application/json' }
          const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent })
          JSON.parse(await answer.body.text())
        }
      }),
    )
  }
  await agent.close()
  return figures
}

/** The requests that first queries send once the shards are known. */
async function recorded(
  { outputs }: Deployment,
  population: Population,
  run: (ask: Ask) => Promise<void>,
): Promise<{ url: string; body: string }[]> {
  const sent: { url: string; body: string }[] = []
  const watched = await openDeployment(outputs, {
    fetch: (url, init) => {
      sent.push({ url: String(url), body: String(init?.body) })
      return fetch(url, init)
    },
  })
  const ask = await freshStore(watched, population)
  sent.length = 0
  await run(ask)
  await watched.close()
  return sent
}

async function millisOf(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
