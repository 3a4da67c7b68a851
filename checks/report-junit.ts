import { create } from 'xmlbuilder2'
import type { CheckResult, Report } from './report.ts'

/** The report as JUnit XML: a failure is a wrong result, an error a check that could not be made. */
export function toJUnit(report: Report): string {
  const count = (verdict: CheckResult['verdict']) =>
    report.checks.filter(check => check.verdict === verdict).length
  const suite = create({ version: '1.0', encoding: 'UTF-8' }).ele('testsuite', {
    name: `knowledge-stack ${report.target.stack}`,
    id: report.runId,
    timestamp: report.startedAt,
    time: inSeconds(report.millis),
    tests: report.checks.length,
    failures: count('failed'),
    errors: count('unchecked'),
    skipped: count('skipped'),
  })
  for (const check of report.checks) {
    const testcase = suite.ele('testcase', {
      classname: 'verify',
      name: check.name,
      time: inSeconds(check.millis),
    })
    const element = ELEMENTS[check.verdict]
    if (element !== undefined) {
      testcase.ele(element, { message: printable(check.detail) }).txt(printable(check.mend ?? ''))
    }
    if (check.notes !== undefined) testcase.ele('system-out').txt(printable(check.notes.join('\n')))
  }
  return suite.end({ prettyPrint: true })
}

const ELEMENTS = {
  passed: undefined,
  failed: 'failure',
  unchecked: 'error',
  skipped: 'skipped',
} as const

const inSeconds = (millis: number): string => (millis / 1000).toFixed(3)

/** XML 1.0 has no way to write most control characters, and a server's own message may hold some. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
