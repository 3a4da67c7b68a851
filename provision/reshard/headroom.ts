import { statfs } from 'node:fs/promises'
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
  /** Servers that they are on. */
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
    instances,
    memory: memoryOfVectors(vectors, dimension, perShard),
    disk: diskOfVectors(vectors, dimension),
  }
}

/** What the largest shard takes once more, while it is built anew. */
export function secondShard({ shards, dimension }: StoreStatistics): Copies {
  const largest = Math.max(...shards.map(({ records }) => records))
  return {
    what: 'A copy of the largest shard',
    instances: 1,
    memory: memoryOfVectors(largest, dimension, largest),
    disk: diskOfVectors(largest, dimension),
  }
}

/**
 * Requires room for what there is and copies of it at once: on this machine what is free, in containers and on a cluster what the
 * servers are held to.
 * @throws Failure `refused` with what is needed and what there is
 */
export async function requireHeadroom(
  settings: Settings,
  statistics: StoreStatistics,
  needed: Copies,
): Promise<void> {
  if (settings.target === 'local') return requireOnMachine(settings, needed)
  const { workloads } = await planHere(settings)
  const limit = workloads.find(({ kind }) => kind === 'chroma')?.server.limits.memory
  if (limit === undefined) return
  const { records, dimension, shards } = statistics
  const { chroma, expected, stack } = settings
  const vectors = Math.ceil(records / chroma.instances)
  const now = memoryOfVectors(vectors, dimension, Math.max(1, Math.ceil(records / shards.length)))
  const both = now + needed.memory
  if (both <= limit) return
  const chunks = Math.ceil((2 * records) / expected.creators)
  throw new Failure(
    'refused',
    `${needed.what} takes ${formatBytes(needed.memory)} of a Chroma server's memory beside the ${formatBytes(now)} of what there is, and each is held to ${formatBytes(limit)}`,
    {
      mend: `set knowledge-stack:chunksPerCreator ${Math.max(chunks, expected.chunksPerCreator + 1)}, deploy it (npm run up -- --stack ${stack}), and set it back afterwards`,
    },
  )
}

async function requireOnMachine(
  settings: Settings,
  { what, instances, memory, disk }: Copies,
): Promise<void> {
  const { nodes } = await (await commandsFor(settings)).inventory(settings)
  const free = nodes[0]!.memory
  const { bavail, bsize } = await statfs(settings.home)
  const room = bavail * bsize - CHROMA_RESERVE
  const short = [
    ...(memory * instances > free
      ? [`${formatBytes(memory * instances)} of memory, and ${formatBytes(free)} are free`]
      : []),
    ...(disk * instances > room
      ? [
          `${formatBytes(disk * instances)} on the disk of ${settings.home}, and ${formatBytes(Math.max(0, room))} may be used`,
        ]
      : []),
  ]
  if (short.length === 0) return
  throw new Failure('refused', `${what} takes ${short.join('; ')}`, {
    mend: 'make room for it, and run this again',
  })
}
