import { median } from '../../bench/bench.ts'
import { ACTIONS, isKill } from './incidents.ts'
import type { KillResult } from './kill-run.ts'
import { MOMENTS } from './phase-proxy.ts'
import { PHASES } from './phases.ts'

/** What happened how often, and what came of it. */
export function killTable(result: KillResult): string {
  const { happened, missed, faults, leftOver, found, answers, acknowledged, millis, seed } = result
  const kills = happened.filter(({ action }) => isKill(action)).length
  const count = (kind: string) => happened.filter(one => one.kind === kind).length
  const kinds = ['put', 'delete', 'bulk', 'read'].map(kind => `${count(kind)} of a ${kind}`)
  const recovery = happened.map(({ at, over }) => (over - at) / 1000).sort((a, b) => a - b)
  const rows = PHASES.map(phase => [
    phase,
    ...ACTIONS.map(action => {
      const own = happened.filter(one => one.phase === phase && one.action === action)
      return MOMENTS.map(moment => own.filter(one => one.moment === moment).length).join(' · ')
    }),
  ])
  return [
    `${kills} kills, ${happened.length - kills} callers that left and processes that were stopped (${kinds.join(', ')}), seed ${seed}, in ${Math.round(millis / 60_000)} minutes. How often each happened before a request went on to Chroma · while it was there · when Chroma had answered and nobody had heard of it:`,
    '',
    `| Phase | ${ACTIONS.join(' | ')} |`,
    `|${'---|'.repeat(ACTIONS.length + 1)}`,
    ...rows.map(row => `| ${row.join(' | ')} |`),
    '',
    `${answers} answers were held to ${acknowledged} acknowledged writes: ${faults.length} showed what cannot be. ${leftOver} records were left over in the end, when every document had been written once more. Of ${found.asked} chunks of the large creators that were asked for by their own vector, ${found.missed} were not the first hit. ${missed.length} phases were not met. From an incident until everything about its creators was answered it took ${median(recovery).toFixed(1)} s, ${recovery.at(-1)?.toFixed(1)} s at most.`,
  ].join('\n')
}
