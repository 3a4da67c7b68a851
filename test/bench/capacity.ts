import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Estimate, estimateModel } from '../../infra/capacity/estimate.ts'
import { readGguf } from '../../provision/models/gguf-file.ts'
import { PINS } from '../../provision/toolchain/parts.ts'
import { startOllama } from '../support/ollama.ts'
import type { Bench } from './bench.ts'
import { type Cell, gridOf } from './capacity/cells.ts'
import { ggufParser } from './capacity/gguf-parser.ts'
import { storeGemma3, storeReal, storeShapes } from './capacity/models.ts'
import { type Observation, observe } from './capacity/observe.ts'
import { type Score, scoreOf, signedError } from './capacity/score.ts'

interface Result {
  cell: Cell
  observed: Observation
  estimate: Estimate
  /** Bytes, for both truths the same. */
  others: { ggufParser: number | undefined; ollama: number }
}

/**
 * The planner, gguf-parser and Ollama's own figure beside what the real Ollama reserved and had resident, over
 * a grid of models, contexts, parallel requests and cache types.
 */
export const capacity: Bench = {
  name: 'capacity',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'capacity-'))
    try {
      const results = await measure(folder)
      return { markdown: table(results), figures: results.map(figuresOf) }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function measure(folder: string): Promise<Result[]> {
  const scaled = await storeShapes(folder)
  const ollama = await startOllama({ modelsFolder: folder })
  const real = await storeReal(ollama).finally(() => ollama.stop())
  const cells = gridOf([...real, await storeGemma3(folder), ...scaled])
  const parser = await ggufParser(cells)
  const results: Result[] = []
  const waiting = cells.entries()
  // Each Ollama computes on one core; entries() hands every cell to one of the workers.
  const work = async () => {
    for (const [index, cell] of waiting) {
      process.stderr.write(`  ${index + 1}/${cells.length} ${labelOf(cell)}\n`)
      const observed = await observe(folder, cell)
      const others = { ggufParser: parser[index], ollama: observed.api }
      results[index] = { cell, observed, estimate: await estimateOf(cell), others }
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return results
}

const estimateOf = async ({ model, context, parallel, kvCache }: Cell): Promise<Estimate> =>
  estimateModel(await readGguf(model.path), {
    ollama: PINS.ollama.version,
    contextLength: context,
    parallel,
    kvCache,
    gpuLayers: 0,
  })

const labelOf = ({ model, context, parallel, kvCache }: Cell): string =>
  `${model.name} ${parallel} × ${context} ${kvCache}`

/** The engine's own buffers: what its log lists, without what the process takes beside them. */
const BUFFERS = new Set(['weights', 'kv', 'compute', 'output'])

function errorsOf({ observed, estimate, others }: Result) {
  const reserved = sum(Object.values(observed.reserved))
  const resident = observed.resident.own + observed.resident.file
  const buffers = estimate.parts.filter(({ name }) => BUFFERS.has(name))
  const both = (bytes: number | undefined) =>
    bytes === undefined
      ? undefined
      : { reserved: signedError(bytes, reserved), resident: signedError(bytes, resident) }
  return {
    planner: {
      reserved: signedError(sum(buffers.map(part => part.reserved.host)), reserved),
      resident: signedError(estimate.resident.host, resident),
      limit: signedError(estimate.reserved.host + estimate.margin.host, resident),
    },
    ggufParser: both(others.ggufParser),
    ollama: both(others.ollama)!,
  }
}

function table(results: readonly Result[]): string {
  const rows = [
    ['', 'Reserved: median', 'P95', 'from … to', 'Resident: median', 'P95', 'from … to'],
    ['---', '---', '---', '---', '---', '---', '---'],
  ]
  for (const heldOut of [true, false]) {
    const errors = results.filter(({ cell }) => cell.heldOut === heldOut).map(errorsOf)
    for (const who of ['planner', 'ggufParser', 'ollama'] as const) {
      const known = errors.flatMap(error => error[who] ?? [])
      rows.push([
        `${NAMES[who]}, ${known.length} cells ${heldOut ? 'held out' : 'fitted on'}`,
        ...describe(scoreOf(known.map(({ reserved }) => reserved))),
        ...describe(scoreOf(known.map(({ resident }) => resident))),
      ])
    }
  }
  const errors = results.map(errorsOf)
  const weights = errorsOfPart(results, 'weights')
  const kv = errorsOfPart(results, 'kv')
  const tight = errors.map(({ planner }) => planner.limit)
  const over = tight.filter(error => error < 0).length
  return [
    `Ollama ${PINS.ollama.version} on CPU, ${results.length} cells, every context filled; errors against what the engine ` +
      'logged as its buffers, and against the most that its process had in memory.',
    '',
    ...rows.map(row => `| ${row.join(' | ')} |`),
    '',
    `Weights are off by at most ${percent(weights)}, the KV cache by at most ${percent(kv)}. ` +
      `${over} cells had more in memory than the planner's limit; the tightest had ${percent(Math.min(...tight))} to spare.`,
  ].join('\n')
}

const NAMES = { planner: 'this planner', ggufParser: 'gguf-parser', ollama: 'Ollama itself' }

const describe = ({ median, p95, lowest, highest }: Score): string[] => [
  percent(median),
  percent(p95),
  `${percent(lowest)} … ${percent(highest)}`,
]

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.001 ? 3 : 1)} %`

/** The largest error of one part, over all cells that have it. */
function errorsOfPart(results: readonly Result[], name: 'weights' | 'kv'): number {
  const errors = results
    .filter(({ observed }) => observed.reserved[name] > 0)
    .map(({ observed, estimate }) => {
      const part = estimate.parts.find(part => part.name === name)!
      return Math.abs(signedError(part.reserved.host, observed.reserved[name]))
    })
  return Math.max(...errors)
}

function figuresOf(result: Result): object {
  const { model, ...settings } = result.cell
  const { estimate, observed } = result
  return {
    model: model.name,
    ...settings,
    observed,
    parts: estimate.parts,
    errors: errorsOf(result),
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
