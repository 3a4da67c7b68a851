import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectedDeployment } from '../../../checks/connected-deployment.ts'
import type { Knowledge } from '../../../checks/store/knowledge.ts'
import { cosineDistance } from '../../../checks/store/query/rank.ts'
import { seconds } from '../../../infra/units.ts'
import type { Bare } from './bare.ts'
import { type Timed, timed } from './callers.ts'
import { type Population, randomFrom } from './population.ts'

/** Chunks that a query asks for. */
export const COUNT = 10
const ROUNDS = 8
const PER_ROUND = { 1: 100, 8: 200 }
const RECALLED = 20
/** Questions to each shard of a store that is to be in use. */
export const WARM = 25
const LISTING = seconds(2)

export const CLASSES = [
  { name: 'up to 20', least: 1, most: 20 },
  { name: '21 to 200', least: 21, most: 200 },
  { name: 'above 200', least: 201, most: Number.POSITIVE_INFINITY },
]

export interface Compared {
  class: string
  callers: 1 | 8
  /** Whether the store has not met these creators before, or is asked something else about them. */
  asked: 'first' | 'again'
  /** One of each a round. */
  store: Timed[]
  bare: Timed[]
}

export interface Recall {
  class: string
  /** Share of the truly nearest that were found. */
  store: number
  bare: number
}

export type Ask = (creator: number, vector: number[]) => Promise<string[]>

const askStore =
  (knowledge: Knowledge, population: Population): Ask =>
  async (creator, vector) => {
    const hits = await knowledge.creator(population.id(creator)).query({ vector }, { count: COUNT })
    return hits.map(({ text }) => text)
  }

export const askBare =
  (bare: Bare, population: Population): Ask =>
  (creator, vector) =>
    bare.query(population.id(creator), vector, COUNT)

/** A store that has been asked about `WARM` creators of each shard, which is when it lists their records. */
export async function freshStore(
  deployment: ConnectedDeployment,
  population: Population,
): Promise<Ask> {
  const knowledge = deployment.knowledge()
  const ask = askStore(knowledge, population)
  const { shards } = deployment.outputs.chroma
  const left = new Map(Array.from({ length: shards }, (_, shard) => [shard, WARM]))
  for (let creator = population.sizes.length - 1; left.size > 0; creator -= 1) {
    const { shard } = knowledge.creator(population.id(creator))
    const more = left.get(shard)
    if (more === undefined) continue
    await ask(creator, population.question(creator, 0))
    if (more === 1) left.delete(shard)
    else left.set(shard, more - 1)
  }
  await sleep(LISTING)
  return ask
}

/** Both ways in turn, with the same questions to the same creators, drawn at random from a class. */
export async function compare(
  population: Population,
  store: () => Promise<Ask>,
  bare: Ask,
): Promise<Compared[]> {
  const all: Compared[] = []
  for (const { name, ...range } of CLASSES) {
    for (const callers of [1, 8] as const) {
      const runs = (['first', 'again'] as const).map(
        (asked): Compared => ({ class: name, callers, asked, store: [], bare: [] }),
      )
      const random = randomFrom(callers)
      for (let round = 0; round < ROUNDS; round += 1) {
        const sample = questions(population, range, PER_ROUND[callers], random)
        const own = await store()
        for (const [time, compared] of runs.entries()) {
          const vectors = sample.map(({ creator }, number) =>
            population.question(creator, number + time * sample.length),
          )
          const ask = (way: Ask) =>
            timed(sample.length, callers, number => way(sample[number]!.creator, vectors[number]!))
          const ways = [
            async () => compared.store.push(await ask(own)),
            async () => compared.bare.push(await ask(bare)),
          ]
          // Who comes second finds the server's pages in memory.
          for (const way of round % 2 === 0 ? ways : ways.reverse()) await way()
        }
      }
      all.push(...runs)
    }
  }
  return all
}

export async function recalls(population: Population, store: Ask, bare: Ask): Promise<Recall[]> {
  const all: Recall[] = []
  for (const { name, ...range } of CLASSES) {
    const asked = questions(population, range, RECALLED, randomFrom(3))
    const recall = async (way: Ask) => {
      let found = 0
      let wanted = 0
      for (const { creator, vector } of asked) {
        const truth = nearest(population, creator, vector)
        const texts = await way(creator, vector)
        const chunks = new Set(texts.map(text => Number.parseInt(text, 10)))
        found += truth.filter(chunk => chunks.has(chunk)).length
        wanted += truth.length
      }
      return found / wanted
    }
    all.push({ class: name, store: await recall(store), bare: await recall(bare) })
  }
  return all
}

/** To different creators, as long as there are so many. */
export function questions(
  population: Population,
  { least, most }: { least: number; most: number },
  count: number,
  random: () => number,
): { creator: number; vector: number[] }[] {
  const creators = population.sizes.flatMap((size, creator) =>
    size >= least && size <= most ? [creator] : [],
  )
  let left: number[] = []
  return Array.from({ length: count }, (_, number) => {
    if (left.length === 0) left = [...creators]
    const [creator] = left.splice(Math.floor(random() * left.length), 1) as [number]
    return { creator, vector: population.question(creator, number) }
  })
}

/** By brute force over all chunks of the creator. */
function nearest(population: Population, creator: number, vector: number[]): number[] {
  return Array.from({ length: population.sizes[creator]! }, (_, chunk) => ({
    chunk,
    distance: cosineDistance(population.vector(creator, chunk), vector),
  }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, COUNT)
    .map(({ chunk }) => chunk)
}
