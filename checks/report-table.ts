import Table from 'cli-table3'
import { formatDuration } from '../infra/units.ts'
import type { CheckResult, Report } from './report.ts'

const SIGNS: Record<CheckResult['verdict'], string> = {
  passed: '✓',
  failed: '✗ failed',
  unchecked: '? not checked',
  skipped: '– nothing to do',
}

/** The report for a terminal: a line for each check, then what to do about those that did not pass. */
export function toTable(report: Report): string {
  const table = new Table({ head: ['', 'check', 'found', 'time'], style: { head: [], border: [] } })
  for (const check of report.checks) {
    table.push([SIGNS[check.verdict], check.name, found(check), formatDuration(check.millis)])
  }
  return [`${title(report)}\n${table}`, ...report.checks.flatMap(mend), summary(report)].join('\n')
}

const found = (check: CheckResult): string =>
  [check.detail, ...(check.notes ?? []).map(note => `note: ${note}`)].join('\n')

const mend = (check: CheckResult): string[] =>
  check.mend === undefined ? [] : [`${check.name}: ${check.mend}`]

function title({ target, readOnly, deep }: Report): string {
  const servers = [...target.chroma, ...target.ollama.map(pool => pool.url)].join(', ')
  const modes = [readOnly ? 'read only' : '', deep ? 'deep' : ''].filter(mode => mode !== '')
  const mode = modes.length === 0 ? '' : ` · ${modes.join(', ')}`
  return `Verification of ${target.stack} (${target.kind}): ${servers}${mode}`
}

function summary(report: Report): string {
  const count = (verdict: CheckResult['verdict']) =>
    report.checks.filter(check => check.verdict === verdict).length
  const parts = [
    `${count('passed')} passed`,
    `${count('failed')} failed`,
    `${count('unchecked')} not checked`,
  ]
  return `${parts.join(', ')} in ${formatDuration(report.millis)}`
}
