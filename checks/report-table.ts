import { formatDuration } from '../infra/units.ts'
import { signOf, wordOf } from './check-verdict.ts'
import { type CheckResult, describeReport, groupAlike, type Report } from './report.ts'
import { terminalWidth, textTable } from './text-table.ts'

/**
 * The report for a terminal: a line for each check, or for all those that found the same, then what to do about those that did not pass.
 * @param width columns of the terminal
 */
export function toTable(report: Report, width = terminalWidth(120)): string {
  const rows = groupAlike(report.checks).map(checks => {
    const millis = checks.reduce((sum, check) => sum + check.millis, 0)
    const { verdict } = checks[0]!
    const sign = `${signOf(verdict)} ${wordOf(verdict)}`
    return [sign, label(checks), found(checks), formatDuration(millis)]
  })
  const table = textTable(['', 'check', 'found', 'time'], rows, width)
  // Those with commands are left whole: a terminal folds them so that they can be copied.
  return [title(report), table, ...mends(report), summary(report)].join('\n')
}

const label = (checks: readonly CheckResult[]): string =>
  checks.length === 1 ? checks[0]!.name : `${checks.length} checks`

function found(checks: readonly CheckResult[]): string {
  const [{ detail, notes = [] }] = checks as [CheckResult]
  const names = checks.length === 1 ? '' : ` (${checks.map(({ name }) => name).join(', ')})`
  return [detail + names, ...notes.map(note => `note: ${note}`)].join('\n')
}

/** One line for each thing to do, with the checks that it mends. */
function mends(report: Report): string[] {
  const names = new Map<string, string[]>()
  for (const { name, mend } of report.checks) {
    if (mend !== undefined) names.set(mend, [...(names.get(mend) ?? []), name])
  }
  return [...names].map(([mend, checks]) => `${checks.join(', ')}: ${mend}`)
}

function title({ target, readOnly, deep }: Report): string {
  const servers = [...target.chroma, ...target.ollama.map(pool => pool.url)].join(', ')
  const modes = [readOnly ? 'read only' : '', deep ? 'deep' : ''].filter(mode => mode !== '')
  const mode = modes.length === 0 ? '' : ` · ${modes.join(', ')}`
  return `Verification of ${target.stack} (${target.kind}): ${servers}${mode}`
}

function summary(report: Report): string {
  return `${describeReport(report)} in ${formatDuration(report.millis)}`
}
