import type { StoreStatistics } from '../../checks/store/statistics.ts'
import { diskOfVectors, memoryOfVectors } from '../../infra/capacity/chroma-memory.ts'
import { Failure } from '../../infra/failure.ts'
import { CHROMA_RESERVE } from '../../infra/servers/chroma-disk-reserve.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, formatBytes } from '../../infra/units.ts'
import { planHere } from '../plan/deploy-decision.ts'
import { commandsFor } from '../targets/targets.ts'

/** What copies take beside what they are made of, in bytes of each server. */
export interface Copies {
  /** For people: `A second generation of the data`. */
  what: string
  /** Servers that they are on, one after the other from the first. */
  first: number
  instances: number
  memory: Bytes
  disk: Bytes
}

/** What as many records again take in other shards, until what they were copied from is deleted. */
export function secondGeneration(
  { records }: StoreStatistics,
  { shards, instances, dimension }: { shards: number; instances: number; dimension: number },
): Copies {
  const vectors = Math.ceil(records / instances)
  const perShard = Math.max(1, Math.ceil(records / shards))
  return {
    what: 'A second generation of the data',
    first: 0,
    instances,
    memory: memoryOfVectors(vectors, dimension, perShard),
    disk: diskOfVectors(vectors, dimension),
  }
}

/** What the largest shard takes once more, while it is built anew. */
export function secondShard({ shards, dimension }: StoreStatistics): Copies {
  const [largest] = shards.toSorted((a, b) => b.records - a.records)
  const { records, instance } = largest!
  return {
    what: 'A copy of the largest shard',
    first: instance,
    instances: 1,
    memory: memoryOfVectors(records, dimension, records),
    disk: diskOfVectors(records, dimension),
  }
}

/**
 * Requires room for what there is and copies of it at once: of memory what is free on this machine, or what the servers in
 * containers and on a cluster are held to, and what is free on their disks.
 * @throws Failure `refused` with what is needed and what there is
 */
export async function requireHeadroom(
  settings: Settings,
  statistics: StoreStatistics,
  needed: Copies,
  signal: AbortSignal,
): Promise<void> {
  const { stack, expected } = settings
  const memory =
    settings.target === 'local'
      ? await shortOnMachine(settings, needed)
      : await shortOfLimit(settings, statistics, needed)
  const short = [memory, await shortOfDisk(settings, needed, signal)].filter(text => text !== '')
  if (short.length === 0) return
  const chunks = Math.ceil((2 * statistics.records) / expected.creators)
  // What servers are held to, and the claims of a cluster, are planned for so much data.
  const isPlanned =
    settings.target === 'kubernetes' || (settings.target === 'docker' && memory !== '')
  throw new Failure('refused', `${needed.what} takes ${short.join('; ')}`, {
    mend: isPlanned
      ? `set knowledge-stack:chunksPerCreator ${Math.max(chunks, expected.chunksPerCreator + 1)}, deploy it (npm run up -- --stack ${stack}), and set it back afterwards`
      : 'make room for it, and run this again',
  })
}

async function shortOnMachine(settings: Settings, { instances, memory }: Copies): Promise<string> {
  const { nodes } = await (await commandsFor(settings)).inventory(settings)
  const free = nodes[0]!.memory
  if (memory * instances <= free) return ''
  return `${formatBytes(memory * instances)} of memory, and ${formatBytes(free)} are free`
}

async function shortOfLimit(
  settings: Settings,
  { records, dimension, shards }: StoreStatistics,
  { memory }: Copies,
): Promise<string> {
  const { workloads } = await planHere(settings)
  const limit = workloads.find(({ kind }) => kind === 'chroma')?.server.limits.memory
  if (limit === undefined) return ''
  const vectors = Math.ceil(records / settings.chroma.instances)
  const now = memoryOfVectors(vectors, dimension, Math.max(1, Math.ceil(records / shards.length)))
  if (now + memory <= limit) return ''
  return `${formatBytes(memory)} of a Chroma server's memory beside the ${formatBytes(now)} of what there is, and each is held to ${formatBytes(limit)}`
}

/** Servers on one machine share its disk, which one look tells of; those of a cluster have one each. */
async function shortOfDisk(
  settings: Settings,
  { first, instances, disk }: Copies,
  signal: AbortSignal,
): Promise<string> {
  const target = await commandsFor(settings)
  const isShared = settings.target !== 'kubernetes'
  const [disks, needed] = isShared ? [1, disk * instances] : [instances, disk]
  const short: string[] = []
  for (let instance = first; instance < first + disks; instance += 1) {
    const request = { traces: '', erase: false }
    const { room = 0 } = await target.besideData(settings, instance, request, signal)
    const usable = Math.max(0, room - CHROMA_RESERVE)
    if (needed <= usable) continue
    short.push(
      `${formatBytes(needed)} on the disk of Chroma server ${instance}, and ${formatBytes(usable)} may be used`,
    )
  }
  return short.join('; ')
}
