import { median } from '../../bench/bench.ts'
import type { Interruptions } from './interruptions.ts'
import { ACTIONS } from './moments.ts'
import { PHASES } from './update-phases.ts'

/** How often each phase of an `up` was interrupted in which way, and what came of it. */
export function interruptionTable(all: readonly Interruptions[]): string {
  const rows = all.flatMap(({ subject, interrupted }) =>
    PHASES.filter(phase => interrupted.some(one => one.phase === phase)).map(phase => [
      subject,
      phase,
      ...ACTIONS.map(
        action => interrupted.filter(one => one.phase === phase && one.action === action).length,
      ),
    ]),
  )
  return [
    `An \`up\` of a stack that was down, interrupted so often in each phase, then \`up\`, then \`down\`; seed ${all[0]?.seed}.`,
    '',
    `| Target | Phase of the \`up\` | ${ACTIONS.join(' | ')} |`,
    `|---|---|${'---|'.repeat(ACTIONS.length)}`,
    ...rows.map(row => `| ${row.join(' | ')} |`),
    '',
    '| Target | Interrupted | Moments that did not come | Dead ends | Other faults | Whole `up` | `up` after it, median, most | `down`, median, most |',
    '|---|---|---|---|---|---|---|---|',
    ...all.map(one => `| ${summary(one).join(' | ')} |`),
  ].join('\n')
}

function summary({ subject, phases, interrupted, aftermaths, missed }: Interruptions) {
  const faults = aftermaths.flatMap(one => one.faults)
  const deadEnds = faults.filter(fault => fault.startsWith('dead end')).length
  const whole = phases.reduce((sum, [, millis]) => sum + millis, 0)
  const times = (key: 'up' | 'down') => {
    const values = aftermaths.map(one => one[key] / 1000)
    return `${median(values).toFixed(1)} s, ${Math.max(...values).toFixed(1)} s`
  }
  const seconds = `${(whole / 1000).toFixed(1)} s`
  const counts = [interrupted.length, missed.length, deadEnds, faults.length - deadEnds]
  return [subject, ...counts, seconds, times('up'), times('down')]
}
