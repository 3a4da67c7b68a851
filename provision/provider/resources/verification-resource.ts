import type { Report } from '../../../checks/report.ts'
import { toTable } from '../../../checks/report-table.ts'
import { Failure } from '../../../infra/failure.ts'
import type { Outputs } from '../../../infra/outputs.ts'
import { loadBeforeChecks } from '../../models/load-as-planned.ts'
import type { Task } from '../../progress.ts'
import { recordVerification } from '../../status/record-verification.ts'
import { HELP, verifyDeployment } from '../../steps/verify-step.ts'
import type { ResourceKind } from './resource-kind.ts'

interface VerificationState {
  deployment: Outputs
  triggers: string[]
  report: Report
}
type VerificationArgs = Omit<VerificationState, 'report'>

/** The checks as a part of the update: it runs when something it depends on changed, and fails the update when one fails. */
export const verificationKind: ResourceKind<VerificationArgs, VerificationState> = {
  results: ['report'],

  create: run,
  read: async state => state,
  update: (_state, args, task) => run(args, task),
}

async function run(args: VerificationArgs, task: Task): Promise<VerificationState> {
  await loadBeforeChecks(args.deployment, task)
  const report = await verifyDeployment(args.deployment, { readOnly: false }, task)
  await recordVerification(args.deployment, report)
  if (report.verdict === 'passed') return { ...args, report }
  throw new Failure(
    report.verdict === 'failed' ? 'refused' : 'unavailable',
    `${toTable(report)}\n${HELP}`,
  )
}
