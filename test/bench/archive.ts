import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { openDeployment } from '../../checks/connected-deployment.ts'
import { COMMAND_ARGUMENTS } from '../../infra/node-arguments.mjs'
import type { Outputs } from '../../infra/outputs.ts'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { DEFAULT_SHARDS } from '../../infra/shards.ts'
import { formatBytes } from '../../infra/units.ts'
import { startChroma } from '../support/servers/chroma.ts'
import { outputsOf } from '../support/store/deployment.ts'
import { type Bench, median } from './bench.ts'
import { Bare } from './knowledge/bare.ts'
import { fill } from './knowledge/fill.ts'
import { Population } from './knowledge/population.ts'
import { wholeNumber } from './whole-number.ts'

const CHUNKS_PER_CREATOR = 6
const CHUNKS = 60_000
const RUNS = 3
/** Chunks that are put in at once. */
const SLICE = 4000

const Worked = z.object({
  archive: z.string(),
  records: z.number(),
  seconds: z.number(),
  resident: z.number(),
})
type Worked = z.infer<typeof Worked>

/** Backup and restore: how fast, beside the bare client, and in how much memory. */
export const archive: Bench = {
  name: 'archive',
  async run(flags) {
    const chunks = wholeNumber(flags, '--chunks', CHUNKS)
    const small = await thereAndBack(chunks / 4)
    const large = await thereAndBack(chunks)
    return { markdown: table([small, large]), figures: { small, large } }
  },
}

interface Speed {
  chunks: number
  /** Records a second. */
  read: number[]
  put: number[]
  backups: Worked[]
  restores: Worked[]
}

async function thereAndBack(chunks: number): Promise<Speed> {
  const population = new Population(chunks / CHUNKS_PER_CREATOR, chunks)
  const folder = await mkdtemp(join(tmpdir(), 'archive-bench-'))
  const servers = [await startChroma(), await startChroma(), await startChroma()]
  const outputs = servers.map(({ url }) => outputsOf({ chroma: [url], shards: DEFAULT_SHARDS }))
  const deployments = await Promise.all(outputs.map(each => openDeployment(each)))
  try {
    const [source, restored] = deployments.map(deployment => deployment.knowledge())
    const slices = [...population.slices(SLICE)]
    await fill(source!, population, slices, report)
    const speed: Speed = { chunks, read: [], put: [], backups: [], restores: [] }
    const reader = await Bare.open(servers[0]!.url, DEFAULT_SHARDS, population)
    for (let run = 0; run < RUNS; run += 1) {
      report(`run ${run + 1} of ${RUNS}`)
      const started = performance.now()
      speed.read.push((await reader.readAll()) / ((performance.now() - started) / 1000))
      const saved = await archiveWork(outputs[0]!, 'backup', folder, folder)
      speed.backups.push(saved)
      const writer = await Bare.make(servers[2]!.url, DEFAULT_SHARDS, population)
      const began = performance.now()
      for (const slice of slices) await writer.put(slice.map(creator => writer.made(creator)))
      speed.put.push(chunks / ((performance.now() - began) / 1000))
      await writer.drop()
      speed.restores.push(await archiveWork(outputs[1]!, 'restore', folder, saved.archive))
      await rm(saved.archive, { recursive: true })
      const [server] = deployments[1]!.chroma
      await server!.deleteDatabase(restored!.shards.database)
    }
    return speed
  } finally {
    for (const deployment of deployments) await deployment.close()
    for (const server of servers) await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** What a process of its own does: `backup`, the folder of its own files and of archives; or `restore`, that folder and the archive. */
export async function archiveWork(outputs: Outputs, ...args: string[]): Promise<Worked> {
  const worker = join(PROJECT_ROOT, 'test/support/archive/archive-worker.ts')
  const argv = [...COMMAND_ARGUMENTS, worker, JSON.stringify(outputs), ...args]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  return Worked.parse(JSON.parse(stdout))
}

function table(speeds: readonly Speed[]): string {
  const rate = ({ records, seconds }: Worked) => records / seconds
  const rows = speeds.flatMap(({ chunks, read, put, backups, restores }) => [
    ['backup', chunks, median(backups.map(rate)), median(read), backups] as const,
    ['restore', chunks, median(restores.map(rate)), median(put), restores] as const,
  ])
  return [
    `Chunks of 384 dimensions on one Chroma server with ${DEFAULT_SHARDS} shards; medians of ${RUNS} runs. The bare \`chromadb\` client reads all of the same collections, 1000 records at once, and puts the same data into as many collections of an empty server.`,
    '',
    '| | Chunks | A second | Bare client | Ratio | Memory of the command |',
    '|---|---|---|---|---|---|',
    ...rows.map(
      ([what, chunks, own, peer, worked]) =>
        `| ${what} | ${chunks} | ${own.toFixed(0)} | ${peer.toFixed(0)} | ${(own / peer).toFixed(2)} × | ${formatBytes(Math.max(...worked.map(({ resident }) => resident)))} |`,
    ),
  ].join('\n')
}

function report(message: string): void {
  process.stderr.write(`${message}\n`)
}
