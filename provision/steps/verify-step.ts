import type { Report } from '../../checks/report.ts'
import type { Outputs } from '../../infra/outputs.ts'
import { memoryOfProcess } from '../processes/process-usage.ts'
import type { Steps } from './steps.ts'

/** The checks as a step of a command. */
export function verifyStep(
  outputs: Outputs,
  how: { readOnly: boolean; deep: boolean },
  steps: Steps,
): Promise<Report> {
  return steps.run(
    'verify',
    async ({ report, signal }) => {
      // Loaded only now: an update that has verified needs none of it.
      const { runChecks } = await import('../../checks/run-checks.ts')
      return runChecks(outputs, {
        ...how,
        signal,
        memoryOfProcess,
        onCheck: ({ name, verdict }) => report(`${name}: ${verdict}`),
      })
    },
    describeReport,
  )
}

/** `12 passed, 2 skipped` */
export function describeReport({ checks }: Report): string {
  const count = (verdict: string) => checks.filter(check => check.verdict === verdict).length
  return ['passed', 'failed', 'unchecked', 'skipped']
    .filter(verdict => count(verdict) > 0)
    .map(verdict => `${count(verdict)} ${verdict}`)
    .join(', ')
}
