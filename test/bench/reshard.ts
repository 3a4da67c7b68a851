import { execFile } from 'node:child_process'
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
import { askOnTime } from './knowledge/busy.ts'
import { percentile } from './knowledge/callers.ts'
import { fill } from './knowledge/fill.ts'
import { Population } from './knowledge/population.ts'
import { freshStore } from './knowledge/queries.ts'
import { wholeNumber } from './whole-number.ts'

const CREATORS = 10_000
const CHUNKS = 60_000
const SHARDS = { before: DEFAULT_SHARDS, after: 16 }
/** Chunks that the bare client puts in at once, in as many runs before the moves and after them. */
const BARE = { slice: 4000, runs: 3 }
/** Records a second of the move beside which questions are timed. */
const RATE = 50

interface Moved {
  copied: number
  seconds: number
  longestClosed: number
  resident: number
}
const MovedOutput = z.object({
  copied: z.number(),
  seconds: z.number(),
  longestClosed: z.number(),
  resident: z.number(),
})

/** Moving creators to another number of shards: how fast, beside whom, in how much memory. */
export const reshard: Bench = {
  name: 'reshard',
  async run(flags) {
    const chunks = wholeNumber(flags, '--chunks', CHUNKS)
    const small = await moveThereAndBack(chunks / 4)
    const large = await moveThereAndBack(chunks)
    return { markdown: speedTable(small, large), figures: { small, large } }
  },
}

interface Speed {
  chunks: number
  /** Chunks a second that the bare client puts into an empty server. */
  bare: number[]
  moves: Moved[]
  /** Milliseconds of questions at rest, and beside a move that is held back. */
  rest: number[]
  beside: number[]
}

async function moveThereAndBack(chunks: number): Promise<Speed> {
  const population = new Population((CREATORS * chunks) / CHUNKS, chunks)
  const chroma = await startChroma()
  const beside = await startChroma()
  const outputs = outputsOf({ chroma: [chroma.url], shards: SHARDS.before })
  const deployment = await openDeployment(outputs)
  try {
    const knowledge = deployment.knowledge()
    const bare = await Bare.make(beside.url, SHARDS.after, population)
    const slices = [...population.slices(BARE.slice)]
    await fill(knowledge, population, slices, report)
    const putBare = async (from: number) => {
      const rates: number[] = []
      for (const slice of slices.slice(from, from + BARE.runs)) {
        const made = slice.map(creator => bare.made(creator))
        const started = performance.now()
        await bare.put(made)
        const records = made.reduce((sum, { records }) => sum + records.length, 0)
        rates.push((records * 1000) / (performance.now() - started))
      }
      return rates
    }
    const rates = await putBare(0)
    report('moving there')
    const there = await move(outputs, SHARDS.after)
    rates.push(...(await putBare(BARE.runs)))
    report('moving back')
    const back = await move(outputs, SHARDS.before)
    report('moving beside questions')
    const rest = await askOnTime(population, await freshStore(deployment, population))
    const over = new AbortController()
    const held = move(outputs, SHARDS.after, { rate: RATE, signal: over.signal })
    const questions = await askOnTime(population, await freshStore(deployment, population))
    // It would go on for minutes at this rate.
    over.abort()
    await held.catch(() => undefined)
    return { chunks, bare: rates, moves: [there, back], rest, beside: questions }
  } finally {
    await deployment.close()
    await beside.stop()
    await chroma.stop()
  }
}

/** A move in a process of its own. @throws where it is ended */
export async function move(
  outputs: Outputs,
  shards: number,
  held?: { rate: number; signal: AbortSignal },
): Promise<Moved> {
  const worker = join(PROJECT_ROOT, 'test/support/data-kills/data-worker.ts')
  const work = { name: 'reshard', shards, ...(held && { rate: held.rate }) }
  const argv = [...COMMAND_ARGUMENTS, worker, JSON.stringify(outputs), JSON.stringify(work)]
  const { stdout } = await promisify(execFile)(process.execPath, argv, { signal: held?.signal })
  return MovedOutput.parse(JSON.parse(stdout))
}

function speedTable(small: Speed, large: Speed): string {
  const rows = [small, large].map(({ chunks, bare, moves, rest, beside }) => {
    const rate = median(moves.map(({ copied, seconds }) => copied / seconds))
    const peer = median(bare)
    const [p99, p99Beside] = [percentile(rest, 0.99), percentile(beside, 0.99)]
    return [
      String(chunks),
      `${rate.toFixed(0)}`,
      `${peer.toFixed(0)}`,
      `${(rate / peer).toFixed(2)} ×`,
      `${p99.toFixed(1)} → ${p99Beside.toFixed(1)} ms (${(p99Beside / p99).toFixed(1)} ×)`,
      `${Math.max(...moves.map(({ longestClosed }) => longestClosed)).toFixed(0)} ms`,
      formatBytes(Math.max(...moves.map(({ resident }) => resident))),
    ]
  })
  return [
    `Chunks of 384 dimensions on one Chroma server, ${SHARDS.before} → ${SHARDS.after} shards and back, comparison included; the bare \`chromadb\` client puts the same data into ${SHARDS.after} collections of an empty server in the same run. Questions: 50 a second to creators that the process has not met, at rest and beside a move that is held to ${RATE} records a second.`,
    '',
    '| Chunks | Moved a second | Bare client | Ratio | Questions, p99 | A creator closed for at most | Memory of the mover |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n')
}

function report(message: string): void {
  process.stderr.write(`${message}\n`)
}
