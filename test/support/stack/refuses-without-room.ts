import { expect, vi } from 'vitest'
import type { StoreStatistics } from '../../../checks/store/statistics.ts'
import { readStackFile } from '../../../infra/settings/settings-file.ts'
import { requireHeadroom } from '../../../provision/reshard/headroom.ts'
import type { TestStack } from './test-stack.ts'

const PETABYTE = 1e15
const NOTHING: StoreStatistics = {
  generation: 1,
  records: 0,
  creators: { count: 0, exact: true },
  dimension: 384,
  imbalance: null,
  shards: [
    {
      shard: 0,
      collection: 'knowledge_shard_0',
      instance: 0,
      exists: false,
      records: 0,
      creators: { count: 0, exact: true },
      dimension: null,
    },
  ],
}

/** A move that takes more than the disk of a stack's Chroma server has is refused, and one that takes nothing is not. */
export async function refusesWithoutRoom(stack: TestStack): Promise<void> {
  // Where the stack is reached, as its commands are told.
  const before = { ...process.env }
  for (const [name, value] of Object.entries(stack.env)) vi.stubEnv(name, value)
  try {
    const { settings } = await readStackFile('dev', stack.configFile)
    const { signal } = new AbortController()
    const require = (disk: number) => {
      const copies = { what: 'A copy', first: 0, instances: 1, memory: 0, disk }
      return requireHeadroom(settings, NOTHING, copies, signal)
    }
    await require(0)
    await expect(require(PETABYTE)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(
        /^A copy takes [\d.]+ \wiB on the disk of Chroma server 0, and [\d.]+ [MGT]iB may be used/,
      ),
    })
  } finally {
    // Not by unstubAllEnvs: what the suite has set for itself stays.
    for (const name of Object.keys(stack.env)) vi.stubEnv(name, before[name])
  }
}
