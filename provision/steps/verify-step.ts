import type { CheckResult, Report } from '../../checks/report.ts'
import type { Outputs } from '../../infra/outputs.ts'
import { memoryOfProcess } from '../processes/process-usage.ts'
import type { Task } from '../progress.ts'
import type { Steps } from './steps.ts'

/** The checks as a piece of work, each told as it ends. */
export async function verifyDeployment(
  outputs: Outputs,
  how: { readOnly: boolean; deep?: boolean },
  { report, signal }: Task,
): Promise<Report> {
  // Loaded only now: an update that has verified needs none of it.
  const { runChecks } = await import('../../checks/run-checks.ts')
  const onCheck = ({ name, verdict }: CheckResult) => report(`${name}: ${verdict}`)
  return runChecks(outputs, { ...how, signal, memoryOfProcess, onCheck })
}

/** The same as a step of a command. */
export const verifyStep = (
  outputs: Outputs,
  how: { readOnly: boolean; deep: boolean },
  steps: Steps,
): Promise<Report> =>
  steps.run('verify', task => verifyDeployment(outputs, how, task), describeReport)

/** `12 passed, 2 skipped` */
export function describeReport({ checks }: Report): string {
  const count = (verdict: string) => checks.filter(check => check.verdict === verdict).length
  return ['passed', 'failed', 'unchecked', 'skipped']
    .filter(verdict => count(verdict) > 0)
    .map(verdict => `${count(verdict)} ${verdict}`)
    .join(', ')
}
