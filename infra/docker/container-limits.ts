import { cpus } from 'node:os'
import type * as docker from '@pulumi/docker'
import type { Resources } from '../capacity/workload.ts'
import { MiB } from '../units.ts'

/** Microseconds in which a container may compute for its share of the cores: the kernel's default. */
const CPU_PERIOD = 100_000

/**
 * What a container is held to. Memory is all it gets: no swap on top. Its cores are given as a quota: the official
 * provider reads `cpus` back from the Engine in another form than it was given ("2" as "2.0", 0.05 as "0.1"), and
 * replaces what differs at every update (seen, 5.2.0).
 * @param limits absent where no plan could be made and the stack deploys all the same
 */
export function limitsOf(limits: Resources | undefined) {
  if (limits === undefined) return {}
  const memory = Math.ceil(limits.memory / MiB)
  // Docker refuses more cores than the machine has.
  const cores = Math.min(limits.cpu, cpus().length)
  const cpuQuota = Math.round(cores * CPU_PERIOD)
  return { memory, memorySwap: memory, cpuPeriod: CPU_PERIOD, cpuQuota }
}

/** The official provider notes these when they change, and leaves the container as it is (seen, 5.2.0). */
export const REPLACED_WITH = ['cpuPeriod', 'cpuQuota', 'healthcheck', 'init', 'tmpfs']

/** What a container asks of the Engine's GPUs; undefined for none. */
export type Gpus = docker.types.input.ContainerDeviceRequest[] | undefined

/**
 * The GPUs of each pool, as the plan chose them, or by their numbers on the machine where nobody asked it for them: no
 * GPU is given to two pools. As a request for devices:
 * of `gpus: "device=0,1"` the official provider makes one GPU, number 0 (seen, 5.2.0).
 */
export function gpusOf(pools: readonly { limits: Resources }[]): Gpus[] {
  let next = 0
  return pools.map(({ limits }) => {
    const count = limits.gpu?.count ?? 0
    const numbers = Array.from({ length: count }, (_, index) => `${next + index}`)
    const deviceIds = limits.gpu?.uuids ?? numbers
    next += count
    return count === 0 ? undefined : [{ driver: 'nvidia', deviceIds, capabilities: ['gpu'] }]
  })
}
