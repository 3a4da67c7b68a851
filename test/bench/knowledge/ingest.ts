import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { Bare } from './bare.ts'
import type { Population } from './population.ts'

const SLICE = 4000
/** Slices that both ways put in, in turn; the rest of the creators goes in by the store alone. */
const COMPARED = 5

export interface Ingest {
  /** Chunks per second of each slice that both put in. */
  store: number[]
  bare: number[]
  /** Chunks per second of the store over all. */
  whole: number
}

/** Fills the store, and for its first part an equal server by the bare client beside it. */
export async function ingest(
  knowledge: Knowledge,
  population: Population,
  bare: Bare,
  report: (message: string) => void,
): Promise<Ingest> {
  const figures: Ingest = { store: [], bare: [], whole: 0 }
  let done = 0
  let seconds = 0
  for (const [index, slice] of [...population.slices(SLICE)].entries()) {
    const chunks = slice.reduce((sum, creator) => sum + population.sizes[creator]!, 0)
    const load = new Map(slice.map(id => [population.id(id), population.documents(id)]))
    const took = await secondsOf(() => knowledge.upsert(load))
    done += chunks
    seconds += took
    if (index < COMPARED) {
      const made = slice.map(creator => bare.made(creator))
      figures.store.push(chunks / took)
      figures.bare.push(chunks / (await secondsOf(() => bare.put(made))))
    }
    report(`${done} chunks are in, ${Math.round(done / seconds)} a second`)
  }
  return { ...figures, whole: done / seconds }
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}
