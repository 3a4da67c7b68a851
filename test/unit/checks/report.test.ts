import { describe, expect, it } from 'vitest'
import { convert } from 'xmlbuilder2'
import { failed, ofPart, passed, skipped, together, unchecked } from '../../../checks/check.ts'
import { type CheckResult, exitCode, Report, verdictOf } from '../../../checks/report.ts'
import { toJUnit } from '../../../checks/report-junit.ts'
import { toTable } from '../../../checks/report-table.ts'

const result = (name: string, verdict: CheckResult['verdict'], more = {}): CheckResult => ({
  name,
  proves: 'Something holds',
  verdict,
  detail: `${name} found something`,
  millis: 1500,
  ...more,
})

const ALL_KINDS = [
  result('first', 'passed', { notes: ['worth knowing'] }),
  result('second', 'failed', { mend: 'mend it so' }),
  result('third', 'unchecked', { mend: 'mend it so' }),
  result('fourth', 'skipped'),
]

const reportOf = (checks: CheckResult[]): Report =>
  Report.parse({
    target: {
      stack: 'dev',
      kind: 'local',
      chroma: ['http://c:1'],
      ollama: [{ pool: 'default', url: 'http://o:2' }],
    },
    runId: '1-a',
    startedAt: '2026-01-02T03:04:05.000Z',
    millis: 6000,
    readOnly: false,
    deep: true,
    verdict: verdictOf(checks),
    checks,
  })

describe('the verdict of a report', () => {
  it.each([
    [['passed', 'skipped'], 'passed', 0],
    [['passed', 'unchecked'], 'unchecked', 3],
    [['unchecked', 'failed', 'passed'], 'failed', 1],
    [[], 'passed', 0],
  ] as const)('of %j is %s, exit code %i', (verdicts, verdict, code) => {
    const report = reportOf(verdicts.map(of => result('x', of)))
    expect(report.verdict).toBe(verdict)
    expect(exitCode(report)).toBe(code)
  })
})

describe('the JUnit report', () => {
  const suite = (report: Report) =>
    (convert(toJUnit(report), { format: 'object' }) as { testsuite: Record<string, unknown> })
      .testsuite

  it('tells wrong results, checks that could not be made and those with nothing to do apart', () => {
    const found = suite(reportOf(ALL_KINDS))
    expect(found).toMatchObject({
      '@tests': '4',
      '@failures': '1',
      '@errors': '1',
      '@skipped': '1',
      '@time': '6.000',
    })
    expect(found.testcase).toMatchObject([
      { '@name': 'first', 'system-out': 'worth knowing' },
      { '@name': 'second', failure: { '@message': 'second found something', '#': 'mend it so' } },
      { '@name': 'third', error: { '@message': 'third found something' } },
      { '@name': 'fourth', skipped: { '@message': 'fourth found something' } },
    ])
  })

  it('stays XML whatever a server says', () => {
    const detail = 'a\u0000b\u001b[31m <&"\'> ]]> \ud800 é'
    const xml = toJUnit(reportOf([result('odd', 'failed', { detail })]))
    expect(xml).toContain('message="a\ufffdb\ufffd[31m &lt;&amp;&quot;\'&gt; ]]&gt; \ufffd é"')
  })
})

describe('the table', () => {
  it('shows each check with what was found, and says once what mends several', () => {
    const table = toTable(reportOf(ALL_KINDS), 100)
    expect(table).toContain('Verification of dev (local): http://c:1, http://o:2 · deep')
    for (const { name, detail } of ALL_KINDS)
      expect(table).toMatch(new RegExp(`${name}.*${detail}`))
    expect(table).toContain('note: worth knowing')
    expect(table).toContain('second, third: mend it so')
    expect(table).toContain('1 passed, 1 failed, 1 not checked, 1 skipped in 6.0 s')
  })

  it('has one line for checks that found the same, with their names', () => {
    const detail = 'it writes, and this run is read only'
    const same = Array.from({ length: 10 }, (_, n) => result(`w${n}`, 'unchecked', { detail }))
    const report = reportOf([...same.slice(0, 4), result('other', 'passed'), ...same.slice(4)])
    const lines = toTable(report, 200).split('\n')
    const told = lines.filter(line => line.includes(detail))
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/10 checks .*\(w0, w1, w2, w3, w4, w5, w6, w7, w8, w9\) +15.0 s/)
    expect(lines.at(-1)).toContain('10 not checked')
  })

  it('is no wider than the terminal', () => {
    const long = result('long', 'failed', { detail: 'many words '.repeat(50) })
    const lines = toTable(reportOf([long]), 80).split('\n')
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80)
  })
})

describe('findings about several parts', () => {
  it('are wrong when one is, and sure only when all are', () => {
    const ok = passed('a is fine')
    expect(together([ok, failed('b is not', 'mend b'), unchecked('c')])).toEqual(
      failed('b is not', 'mend b'),
    )
    expect(together([ok, unchecked('c is busy')])).toEqual(unchecked('c is busy'))
    expect(together([ok, skipped('d has nothing')])).toEqual(ok)
    expect(together([ok, passed('e is too', ['note'])])).toEqual(
      passed('a is fine; e is too', ['note']),
    )
    expect(together([])).toMatchObject({ verdict: 'skipped' })
  })

  it('are said once where they are the same of several parts', () => {
    const of = (name: string, what: string) =>
      ofPart([name, `${name}-ctx512`], failed(`${name}-ctx512 of ${name} ${what}`, 'mend it'))
    const gone = [1, 2, 3, 4, 5, 6].map(n => of(`m:${n}`, 'is gone'))
    expect(together([gone[0]!, of('m:7', 'is slow'), ...gone.slice(1)])).toEqual(
      failed(
        'm:1-ctx512 of m:1 is gone; so it is with m:2, m:3, m:4 and 2 more; m:7-ctx512 of m:7 is slow',
        'mend it',
      ),
    )
    expect(together(gone.slice(0, 2)).detail).toBe('m:1-ctx512 of m:1 is gone; so it is with m:2')
  })
})
