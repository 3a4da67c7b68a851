import { readFile } from 'node:fs/promises'
import { type CheckResult, exitCode, groupAlike, type Report } from '../checks/report.ts'
import { toTable } from '../checks/report-table.ts'
import { EXIT_CODES, Failure, markedLine } from '../infra/failure.ts'
import { loadBeforeChecks } from './models/load-as-planned.ts'
import { verifyDeployment } from './steps/verify-step.ts'

/**
 * The checks as a process inside the deployment, started with the path of its outputs. What did not pass stands in
 * the last line: a Job's failure is told with the end of its log.
 */
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort(new Failure('interrupted', 'Ended by SIGTERM')))
try {
  const outputs = JSON.parse(await readFile(process.argv[2]!, 'utf8'))
  const task = { report: say, signal: stop.signal }
  await loadBeforeChecks(outputs, task)
  const report = await verifyDeployment(outputs, { readOnly: false }, task)
  say(toTable(report))
  if (report.verdict !== 'passed') say(markedLine(failureOf(report)))
  process.exitCode = exitCode(report)
} catch (error) {
  say(markedLine(error))
  process.exitCode = error instanceof Failure ? error.exitCode : EXIT_CODES.unavailable
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function failureOf({ checks, verdict }: Report): Failure {
  const wrong = checks.filter(check => check.verdict === verdict)
  const list = groupAlike(wrong).map(kind => `${namesOf(kind)}: ${kind[0]!.detail}`)
  return verdict === 'failed'
    ? new Failure('refused', `Verification failed: ${list.join('; ')}`)
    : new Failure('unavailable', `Verification could not be made: ${list.join('; ')}`)
}

const namesOf = (checks: readonly CheckResult[]): string =>
  checks.map(({ name }) => name).join(', ')
