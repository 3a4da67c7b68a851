import { setTimeout as sleep } from 'node:timers/promises'
import type { Knowledge } from '../../../checks/knowledge/knowledge.ts'
import { timed } from './callers.ts'
import { CHUNKS_PER_DOCUMENT, type Population, randomFrom } from './population.ts'
import { type Ask, questions } from './queries.ts'

const CHUNKS_A_SECOND = 500
const BATCH = 100
const QUERIES = 400
const CALLERS = 1

export interface Busy {
  /** Milliseconds of each query. */
  rest: number[]
  writing: number[]
  /** Chunks per second that really went in meanwhile. */
  written: number
}

/** Queries to creators that the store has not met, at rest and while new creators' chunks are being written. */
export async function busy(
  knowledge: Knowledge,
  population: Population,
  fresh: () => Promise<Ask>,
): Promise<Busy> {
  const asked = questions(population, { least: 1, most: 200 }, QUERIES, randomFrom(5))
  const run = async () => {
    const ask = await fresh()
    const call = (number: number) => ask(asked[number]!.creator, asked[number]!.vector)
    return (await timed(QUERIES, CALLERS, call)).calls
  }
  const rest = await run()
  const writer = startWriting(knowledge, population)
  const writing = await run()
  return { rest, writing, written: await writer.stop() }
}

function startWriting(knowledge: Knowledge, population: Population) {
  const documents = population.documents(0).slice(0, BATCH / CHUNKS_PER_DOCUMENT)
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  let running = true
  let written = 0
  const write = async () => {
    while (running) {
      const loads = documents.map((own, index) => [`writer-${written}-${index}`, [own]] as const)
      await knowledge.upsert(new Map(loads))
      written += BATCH
      await sleep(Math.max(0, (written / CHUNKS_A_SECOND - seconds()) * 1000))
    }
  }
  const done = write()
  return {
    async stop(): Promise<number> {
      running = false
      const rate = written / seconds()
      await done
      return rate
    },
  }
}
