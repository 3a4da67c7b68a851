import type { Resources, Share } from '../../capacity/workload.ts'
import { type Bytes, GiB, MiB } from '../../units.ts'

/** Amounts as Kubernetes writes them, in the very form that it would give back: another would look like drift. */

/** `2Gi`, `1536Mi`; what is no whole number of MiB is rounded up. */
export function bytesQuantity(bytes: Bytes): string {
  const whole = Math.ceil(bytes / MiB) * MiB
  const [unit, name] = whole % GiB === 0 ? [GiB, 'Gi'] : [MiB, 'Mi']
  return `${whole / unit}${name}`
}

/** `2`, `250m` */
export function coresQuantity(cores: number): string {
  const milli = Math.ceil(cores * 1000)
  return milli % 1000 === 0 ? `${milli / 1000}` : `${milli}m`
}

/** Requests and limits of a container. Its volumes are claims: they are not its own to ask for. */
export const resourcesOf = ({ requests, limits }: Share) => ({
  requests: amounts(requests),
  limits: amounts(limits),
})

function amounts({ cpu, memory, gpu }: Resources): Record<string, string> {
  return {
    cpu: coresQuantity(cpu),
    memory: bytesQuantity(memory),
    ...(gpu && { [gpu.resource]: `${gpu.count}` }),
  }
}

/** What a file system keeps for itself and for root. */
const FILE_SYSTEM = 1.1

/** Parts of a GiB are of no use: every storage rounds them up, some refuse them. */
export const claimQuantity = (bytes: Bytes): string => `${Math.ceil((bytes * FILE_SYSTEM) / GiB)}Gi`
