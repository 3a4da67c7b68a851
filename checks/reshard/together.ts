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
  // values() hands every item to one of them.
  const left = [...items].values()
  const failures: unknown[] = []
  const workOn = async () => {
    for (const item of left) {
      if (failures.length > 0) return
      await work(item).catch(error => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: isHeld ? 1 : AT_ONCE }, workOn))
  if (failures.length > 0) throw failures[0]
}
