import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDeployment } from '../../checks/connected-deployment.ts'
import { DEFAULT_SHARDS } from '../../infra/shards.ts'
import { formatBytes } from '../../infra/units.ts'
import { startChroma } from '../support/servers/chroma.ts'
import { outputsOf } from '../support/store/deployment.ts'
import { archiveWork } from './archive.ts'
import type { Bench } from './bench.ts'
import { fill } from './knowledge/fill.ts'
import { Population } from './knowledge/population.ts'
import { move } from './reshard.ts'
import { wholeNumber } from './whole-number.ts'

const CHUNKS_PER_CREATOR = 6
const CHUNKS = 1_000_000
const SHARDS_AFTER = 16
/** Small ones, so that a million of them are put in three times within an hour. */
const SHAPE = { dimension: 32, text: 'What a creator knows, in a few words.' }
/** Chunks that are put in at once. */
const SLICE = 4000

interface Memory {
  chunks: number
  /** Resident bytes of a command, at most. */
  backup: number
  restore: number
  reshard: number
  minutes: number
}

/** Whether the memory of the commands that go through all data follows the size of the data. */
export const archiveMemory: Bench = {
  name: 'archive-memory',
  async run(flags) {
    const chunks = wholeNumber(flags, '--chunks', CHUNKS)
    const small = await measure(chunks / 10)
    const large = await measure(chunks)
    return { markdown: table([small, large]), figures: { small, large } }
  },
}

const populationOf = (chunks: number): Population =>
  new Population(chunks / CHUNKS_PER_CREATOR, chunks, SHAPE)

async function measure(chunks: number): Promise<Memory> {
  const started = performance.now()
  const population = populationOf(chunks)
  const folder = await mkdtemp(join(tmpdir(), 'archive-memory-'))
  const servers = [await startChroma(), await startChroma()]
  const [source, restored] = servers.map(({ url }) =>
    outputsOf({ chroma: [url], shards: DEFAULT_SHARDS, dimensions: SHAPE.dimension }),
  )
  const deployment = await openDeployment(source!)
  try {
    const knowledge = deployment.knowledge()
    const slices = [...population.slices(SLICE)]
    await fill(knowledge, population, slices, text => report(started, text))
    const saved = await archiveWork(source!, 'backup', folder, folder)
    report(started, `backup ${formatBytes(saved.resident)}`)
    const back = await archiveWork(restored!, 'restore', folder, saved.archive)
    report(started, `restore ${formatBytes(back.resident)}`)
    const moved = await move(source!, SHARDS_AFTER)
    report(started, `reshard ${formatBytes(moved.resident)}`)
    return {
      chunks,
      backup: saved.resident,
      restore: back.resident,
      reshard: moved.resident,
      minutes: minutesSince(started),
    }
  } finally {
    await deployment.close()
    for (const server of servers) await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function table(sizes: readonly [Memory, Memory]): string {
  const [small, large] = sizes
  const row = (what: 'backup' | 'restore' | 'reshard') =>
    `| ${what} | ${formatBytes(small[what])} | ${formatBytes(large[what])} | ${(large[what] / small[what]).toFixed(2)} × |`
  return [
    `The most that the process of a command has resident, on one Chroma server with ${DEFAULT_SHARDS} shards and short chunks of ${SHAPE.dimension} dimensions; the largest creator has ${largestOf(small)} and ${largestOf(large)} of them. A move is to ${SHARDS_AFTER} shards.`,
    '',
    `| | ${small.chunks} chunks | ${large.chunks} chunks | Ratio |`,
    '|---|---|---|---|',
    row('backup'),
    row('restore'),
    row('reshard'),
  ].join('\n')
}

const largestOf = ({ chunks }: Memory): number => populationOf(chunks).sizes[0]!

const minutesSince = (started: number): number => Math.round((performance.now() - started) / 60_000)

function report(started: number, message: string): void {
  process.stderr.write(`${minutesSince(started)} min: ${message}\n`)
}
