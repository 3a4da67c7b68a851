import { statfs } from 'node:fs/promises'
import type { StoreStatistics } from '../../checks/store/statistics.ts'
import { diskOfVectors, memoryOfVectors } from '../../infra/capacity/chroma-memory.ts'
import { Failure } from '../../infra/failure.ts'
import { CHROMA_RESERVE } from '../../infra/servers/chroma-disk-reserve.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, formatBytes } from '../../infra/units.ts'
import { planHere } from '../plan/deploy-decision.ts'
import { commandsFor } from '../targets/targets.ts'

/** What a second generation takes beside the first, in bytes of each server. */
export interface SecondGeneration {
  /** Servers that it is on. */
  instances: number
  memory: Bytes
  disk: Bytes
}

/** What as many records again take in other shards, until what they were copied from is deleted. */
export function secondGeneration(
  { records }: StoreStatistics,
  { shards, instances, dimension }: { shards: number; instances: number; dimension: number },
): SecondGeneration {
  const vectors = Math.ceil(records / instances)
  const perShard = Math.max(1, Math.ceil(records / shards))
  return {
    instances,
    memory: memoryOfVectors(vectors, dimension, perShard),
    disk: diskOfVectors(vectors, dimension),
  }
}

/**
 * Requires room for two generations at once: on this machine what is free, in containers and on a cluster what the
 * servers are held to.
 * @throws Failure `refused` with what is needed and what there is
 */
export async function requireHeadroom(
  settings: Settings,
  statistics: StoreStatistics,
  needed: SecondGeneration,
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
    `Two generations of ${records} records take ${formatBytes(both)} of a Chroma server's memory, and each is held to ${formatBytes(limit)}`,
    {
      mend: `set knowledge-stack:chunksPerCreator ${Math.max(chunks, expected.chunksPerCreator + 1)}, deploy it (npm run up -- --stack ${stack}), and set it back afterwards`,
    },
  )
}

async function requireOnMachine(settings: Settings, { instances, memory, disk }: SecondGeneration) {
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
  throw new Failure('refused', `A second generation of the data takes ${short.join('; ')}`, {
    mend: 'make room for it, or move on a machine that has it',
  })
}
