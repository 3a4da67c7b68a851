import type { Estimate } from '../../../infra/capacity/model/estimate.ts'
import { type Cell, isNeverFitted } from './cells.ts'
import type { Observation } from './observe.ts'
import { type Score, scoreOf, signedError } from './score.ts'

export interface Result {
  cell: Cell
  observed: Observation
  estimate: Estimate
  /** Bytes, for both truths the same. */
  others: { ggufParser: number | undefined; ollama: number }
}

/** The engine's own buffers: what its log lists, without what the process takes beside them. */
const BUFFERS = new Set(['weights', 'kv', 'compute', 'output'])

/**
 * Signed shares of what was observed. `limit`: what is set aside, beside what was in memory. An embedding model's rows
 * of output are in no log, so that they count in what is in memory alone.
 */
export function errorsOf({ cell, observed, estimate, others }: Result) {
  const isLogged = (name: string) => cell.model.role === 'chat' || name !== 'output'
  const reserved = sum(
    Object.entries(observed.reserved).flatMap(([name, bytes]) => (isLogged(name) ? [bytes] : [])),
  )
  const resident = observed.resident.own + observed.resident.file
  const buffers = estimate.parts.filter(({ name }) => BUFFERS.has(name) && isLogged(name))
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

export function tableOf(results: readonly Result[], version: string): string {
  const rows = [
    ['', 'Reserved: median', 'P95', 'from … to', 'Resident: median', 'P95', 'from … to'],
    ['---', '---', '---', '---', '---', '---', '---'],
  ]
  for (const [group, isOf] of GROUPS) {
    const errors = results.filter(({ cell }) => isOf(cell)).map(errorsOf)
    for (const who of ['planner', 'ggufParser', 'ollama'] as const) {
      const known = errors.flatMap(error => error[who] ?? [])
      rows.push([
        `${NAMES[who]}, ${known.length} cells ${group}`,
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
    `Ollama ${version} on CPU, ${results.length} cells, every context filled; errors against what the engine ` +
      'logged as its buffers, and against the most that its process had in memory.',
    '',
    ...rows.map(row => `| ${row.join(' | ')} |`),
    '',
    `Weights are off by at most ${percent(weights)}, the KV cache by at most ${percent(kv)}, which is what llama.cpp rounds off in its log. ` +
      `${over} cells had more in memory than the planner's limit; the tightest had ${percent(Math.min(...tight))} to spare.`,
  ].join('\n')
}

const GROUPS: [string, (cell: Cell) => boolean][] = [
  ['held out', ({ heldOut }) => heldOut],
  ['fitted on', ({ heldOut }) => !heldOut],
  ['of shapes that nothing was fitted on', ({ model }) => isNeverFitted(model)],
  ['of real models', ({ model }) => !/^(scaled|unseen)-/.test(model.name)],
]

const NAMES = { planner: 'this planner', ggufParser: 'gguf-parser', ollama: 'Ollama itself' }

const describe = ({ median, p95, lowest, highest }: Score): string[] => [
  percent(median),
  percent(p95),
  `${percent(lowest)} … ${percent(highest)}`,
]

const percent = (share: number): string =>
  `${(share * 100).toFixed(Math.abs(share) < 0.001 ? 3 : 1)} %`

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

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
