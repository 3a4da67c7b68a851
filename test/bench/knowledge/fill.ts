import type { Knowledge } from '../../../checks/store/knowledge.ts'
import type { Population } from './population.ts'

/** Puts the slices of a population into a store, one after another. */
export async function fill(
  knowledge: Knowledge,
  population: Population,
  slices: readonly number[][],
  report: (text: string) => void,
): Promise<void> {
  for (const [index, slice] of slices.entries()) {
    await knowledge.upsert(new Map(slice.map(id => [population.id(id), population.documents(id)])))
    if (index % 10 === 0) report(`${Math.round((100 * index) / slices.length)} % are in`)
  }
}
