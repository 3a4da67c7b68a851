import { describeReport, type Report } from '../../checks/report.ts'
import type { Outputs } from '../../infra/outputs.ts'
import { memoryOfProcess } from '../processes/process-usage.ts'
import type { Task } from '../progress.ts'
import type { Steps } from './steps.ts'

/** The checks as a piece of work, each told as it begins. */
export async function verifyDeployment(
  outputs: Outputs,
  how: { readOnly: boolean; deep?: boolean },
  { report, signal }: Task,
): Promise<Report> {
  // Loaded only now: an update that has verified needs none of it.
  const { runChecks } = await import('../../checks/run-checks.ts')
  return runChecks(outputs, { ...how, signal, memoryOfProcess, report })
}

/** Below a report of what is not well. */
export const HELP = 'What those need who help: npm run diagnose'

/** The same as a step of a command. */
export const verifyStep = (
  outputs: Outputs,
  how: { readOnly: boolean; deep: boolean },
  steps: Steps,
): Promise<Report> =>
  steps.run('verify', task => verifyDeployment(outputs, how, task), describeReport, verdictIn)

/** How a step ended that made a report. */
export const verdictIn = ({ verdict }: Report): Report['verdict'] => verdict
