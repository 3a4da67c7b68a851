import { type DataKills, runDataKills } from '../support/data-kills/data-kills.ts'
import type { Bench } from './bench.ts'
import { wholeNumber } from './whole-number.ts'

const INCIDENTS = 240
const SEED = 22
/** Milliseconds for which a writer is stopped: at times as long as a machine that hangs. */
const PAUSES = [2000, 2000, 2000, 2000, 2000, 30_000]

/** Commands on data that are killed in every phase, beside two processes that write, held to what was acknowledged. */
export const dataKills: Bench = {
  name: 'data-kills',
  async run(flags) {
    const kills = await runDataKills(
      wholeNumber(flags, '--seed', SEED),
      wholeNumber(flags, '--incidents', INCIDENTS),
      PAUSES,
      line => process.stderr.write(`${line}\n`),
    )
    return { markdown: killsTable(kills), figures: kills }
  },
}

function killsTable(kills: DataKills): string {
  const { hits, seed, millis, stops, ended, gaveUp, acknowledged, failed, forgotten, faults } =
    kills
  const all = hits.reduce((sum, { before, after }) => sum + before + after, 0)
  return [
    `${all} commands killed by SIGKILL, seed ${seed}, in ${Math.round(millis / 60_000)} minutes, while two processes went on writing, one of which was stopped ${stops} times for up to ${Math.max(...PAUSES) / 1000} s; ${ended} commands came to their end before their phase, ${gaveUp} gave up for a server that was late:`,
    '',
    '| Command | at a request to; an upgrade in its step | before it was sent; in the middle | when it was answered; at its end |',
    '|---|---|---|---|',
    ...hits.map(
      ({ command, phase, before, after }) => `| ${command} | ${phase} | ${before} | ${after} |`,
    ),
    '',
    `${acknowledged} acknowledged writes, ${failed} that failed; ${forgotten} creators forgotten, of whom no file had a text afterwards: ${faults.length} faults. Each command that was killed came to its end when it was run again, and nothing was left where creators had been.`,
  ].join('\n')
}
