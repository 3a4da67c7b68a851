import { readFile } from 'node:fs/promises'
import { type CheckResult, exitCode, groupAlike, type Report } from '../checks/report.ts'
import { toTable } from '../checks/report-table.ts'
import { Failure, markedLine } from '../infra/failure.ts'
import { runJob, say } from './inside-job.ts'
import { loadBeforeChecks } from './models/load-as-planned.ts'
import { verifyDeployment } from './steps/verify-step.ts'

/** The checks as a process inside the deployment, started with the path of its outputs. */
await runJob(async task => {
  const outputs = JSON.parse(await readFile(process.argv[2]!, 'utf8'))
  await loadBeforeChecks(outputs, task)
  const report = await verifyDeployment(outputs, { readOnly: false }, task)
  say(toTable(report))
  if (report.verdict !== 'passed') say(markedLine(failureOf(report)))
  return exitCode(report)
})

function failureOf({ checks, verdict }: Report): Failure {
  const wrong = checks.filter(check => check.verdict === verdict)
  const list = groupAlike(wrong).map(kind => `${namesOf(kind)}: ${kind[0]!.detail}`)
  return verdict === 'failed'
    ? new Failure('refused', `Verification failed: ${list.join('; ')}`)
    : new Failure('unavailable', `Verification could not be made: ${list.join('; ')}`)
}

function namesOf(checks: readonly CheckResult[]): string {
  return checks.map(({ name }) => name).join(', ')
}
