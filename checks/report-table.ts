import Table from 'cli-table3'
import { formatDuration } from '../infra/units.ts'
import { signOf, wordOf } from './check-verdict.ts'
import { type CheckResult, describeReport, groupAlike, type Report } from './report.ts'

const SIGN_WIDTH = 15
const TIME_WIDTH = 11
const PADDING = 2
const NARROWEST = 30

/**
 * The report for a terminal: a line for each check, or for all those that found the same, then what to do about those that did not pass.
 * @param width columns of the terminal
 */
export function toTable(report: Report, width = process.stdout.columns ?? 120): string {
  const kinds = groupAlike(report.checks)
  const nameWidth = Math.max(...kinds.map(checks => label(checks).length)) + PADDING
  const rest = width - SIGN_WIDTH - nameWidth - TIME_WIDTH
  const table = new Table({
    head: ['', 'check', 'found', 'time'],
    colWidths: [SIGN_WIDTH, nameWidth, Math.max(NARROWEST, rest), TIME_WIDTH],
    wordWrap: true,
    chars: NO_LINES,
    style: { head: [], border: [] },
  })
  for (const checks of kinds) {
    const millis = checks.reduce((sum, check) => sum + check.millis, 0)
    const { verdict } = checks[0]!
    const sign = `${signOf(verdict)} ${wordOf(verdict)}`
    table.push([sign, label(checks), found(checks), formatDuration(millis)])
  }
  return [title(report), table, ...mends(report), summary(report)].join('\n')
}

const label = (checks: readonly CheckResult[]): string =>
  checks.length === 1 ? checks[0]!.name : `${checks.length} checks`

const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid']
    .flatMap(side => [side, `${side}-mid`, `${side}-left`, `${side}-right`, `${side}-middle`])
    .concat('left-mid', 'right-mid', 'mid-mid', 'middle')
    .map(name => [name, '']),
)

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
