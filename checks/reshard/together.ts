import fastq from 'fastq'
import type { Pace } from '../store/pace.ts'

/** Parts, or shards, that are worked on at the same time: while a server answers one, the other is asked for. */
const AT_ONCE = 2

/**
 * Does something with each, a few at a time, and one after the other where a pace is held. After a failure no other is
 * begun, and nothing is under way any more when it is told.
 * @throws what the first failed with
 */
export async function together<Item>(
  { isHeld }: Pace,
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  const turns = fastq.promise(
    async (item: Item) => {
      if (failures.length === 0) await work(item).catch(error => failures.push(error))
    },
    isHeld ? 1 : AT_ONCE,
  )
  await Promise.all([...items].map(item => turns.push(item)))
  if (failures.length > 0) throw failures[0]
}
