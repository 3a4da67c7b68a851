import { MOVER_PHASES } from '../support/reshard/mover-phases.ts'
import { type ReshardKills, runReshardKills } from '../support/reshard/reshard-kills.ts'
import type { Bench } from './bench.ts'
import { wholeNumber } from './whole-number.ts'

const INCIDENTS = 200
const SEED = 22
/** Milliseconds for which a writer is stopped: at times as long as a machine that hangs. */
const PAUSES = [2000, 2000, 2000, 2000, 2000, 30_000]

/** Movers that are killed in every phase of a move, beside two processes that write, held to what was acknowledged. */
export const reshardKills: Bench = {
  name: 'reshard-kills',
  async run(flags) {
    const kills = await runReshardKills(
      wholeNumber(flags, '--seed', SEED),
      wholeNumber(flags, '--incidents', INCIDENTS),
      PAUSES,
      line => process.stderr.write(`${line}\n`),
    )
    return { markdown: killsTable(kills), figures: kills }
  },
}

function killsTable(kills: ReshardKills): string {
  const hits = MOVER_PHASES.map(phase => {
    const { before, after } = kills.hits[phase]
    return `| ${phase} | ${before} | ${after} |`
  })
  const all = MOVER_PHASES.reduce(
    (sum, phase) => sum + kills.hits[phase].before + kills.hits[phase].after,
    0,
  )
  return [
    `${all} movers killed by SIGKILL, seed ${kills.seed}, in ${Math.round(kills.millis / 60_000)} minutes, while two processes went on writing, one of which was stopped ${kills.stops} times for up to ${Math.max(...PAUSES) / 1000} s; ${kills.ended} movers came to the end of a move before their phase, ${kills.gaveUp} gave up for a server that was late:`,
    '',
    '| At a request to | before it was sent | when it was answered |',
    '|---|---|---|',
    ...hits,
    '',
    `${kills.acknowledged} acknowledged writes, ${kills.failed} that failed: ${kills.faults.length} documents were not as they were acknowledged, and nothing was left where creators had been.`,
  ].join('\n')
}
