import { runKills } from '../support/kills/kill-run.ts'
import { killTable } from '../support/kills/kill-table.ts'
import type { Bench } from './bench.ts'
import { wholeNumber } from './whole-number.ts'

/** Twice every combination of phase, moment and action: 216 kills, and 144 callers that leave and processes that stop. */
const INCIDENTS = 360
const SEED = 18
/** Milliseconds for which a process is stopped: at times as long as a machine that hangs. */
const PAUSES = [3000, 3000, 3000, 3000, 3000, 30_000]

/** Kills, callers that leave and processes that stop, in every phase of writes and reads, held to a model. */
export const kills: Bench = {
  name: 'kills',
  async run(flags) {
    const seed = wholeNumber(flags, '--seed', SEED)
    const incidents = wholeNumber(flags, '--incidents', INCIDENTS)
    const figures = await runKills(seed, incidents, PAUSES, line => {
      process.stderr.write(`${line}\n`)
    })
    return { markdown: killTable(figures), figures }
  },
}
