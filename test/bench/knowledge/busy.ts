import { setTimeout as sleep } from 'node:timers/promises'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { CHUNKS_PER_DOCUMENT, type Population, randomFrom } from './population.ts'
import { type Ask, questions } from './queries.ts'

const CHUNKS_A_SECOND = 500
/** Chunks of a load, of as many new creators as have one document each. */
const LOAD = 5000
const QUERIES = 1000
export const QUERIES_A_SECOND = 50

export interface Busy {
  /** Milliseconds of each query, from when it was due. */
  rest: number[]
  writing: number[]
  /** Chunks that went in meanwhile, and how many that were a second. */
  chunks: number
  rate: number
}

/**
 * Queries to creators that the store has not met. They come at their times, whether the one before was answered or not,
 * so that who waits is counted.
 * @returns milliseconds of each
 */
export function askOnTime(population: Population, ask: Ask): Promise<number[]> {
  const asked = questions(population, { least: 1, most: 200 }, QUERIES, randomFrom(5))
  const started = performance.now()
  return Promise.all(
    asked.map(async ({ creator, vector }, number) => {
      const due = started + (number * 1000) / QUERIES_A_SECOND
      await sleep(Math.max(0, due - performance.now()))
      await ask(creator, vector)
      return performance.now() - due
    }),
  )
}

/** Queries at rest, and while new creators' chunks are being written. */
export async function busy(
  knowledge: Knowledge,
  population: Population,
  fresh: () => Promise<Ask>,
): Promise<Busy> {
  const rest = await askOnTime(population, await fresh())
  const ask = await fresh()
  const writer = startWriting(knowledge, population)
  const writing = await askOnTime(population, ask)
  return { rest, writing, ...(await writer.stop()) }
}

function startWriting(knowledge: Knowledge, population: Population) {
  let next = population.sizes.length
  const makeLoad = () => {
    const creators = Array.from({ length: LOAD / CHUNKS_PER_DOCUMENT }, () => next++)
    return new Map(
      creators.map(creator => [
        population.id(creator),
        population.documents(creator, CHUNKS_PER_DOCUMENT),
      ]),
    )
  }
  // Made before, so that making them keeps no query waiting.
  const loads = Array.from(
    { length: Math.ceil(((QUERIES / QUERIES_A_SECOND) * CHUNKS_A_SECOND) / LOAD) },
    makeLoad,
  )
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  let running = true
  let written = 0
  const write = async () => {
    while (running) {
      await knowledge.upsert(loads.shift() ?? makeLoad())
      written += LOAD
      await sleep(Math.max(0, (written / CHUNKS_A_SECOND - seconds()) * 1000))
    }
  }
  const done = write()
  return {
    async stop(): Promise<Pick<Busy, 'chunks' | 'rate'>> {
      running = false
      // Until the load under way is in and its time is over, so that the rate is of whole loads.
      await done
      return { chunks: written, rate: written / seconds() }
    },
  }
}
