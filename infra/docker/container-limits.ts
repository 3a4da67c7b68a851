import { cpus } from 'node:os'
import type { Resources } from '../capacity/workload.ts'
import { MiB } from '../units.ts'

/**
 * What a container is held to. Memory is all it gets: no swap on top.
 * @param limits absent where no plan could be made and the stack deploys all the same
 */
export function limitsOf(limits: Resources | undefined) {
  if (limits === undefined) return {}
  const memory = Math.ceil(limits.memory / MiB)
  // Docker refuses more cores than the machine has.
  return { memory, memorySwap: memory, cpus: `${Math.min(limits.cpu, cpus().length)}` }
}

/** The GPUs of each pool, by their numbers on the machine: no GPU is given to two of them. */
export function gpusOf(pools: readonly { limits: Resources }[]): (string | undefined)[] {
  let next = 0
  return pools.map(({ limits }) => {
    const count = limits.gpu?.count ?? 0
    const numbers = Array.from({ length: count }, (_, index) => next + index)
    next += count
    return count === 0 ? undefined : `device=${numbers.join(',')}`
  })
}
