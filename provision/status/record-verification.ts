import { openDeployment } from '../../checks/connected-deployment.ts'
import type { Report } from '../../checks/report.ts'
import type { Outputs } from '../../infra/outputs.ts'

/**
 * For who asks for the status later, here or on the API's page, with what is planned for each model. One that was to write
 * nothing is not recorded; that it cannot be, as where a server is down or a disk is full, changes no verdict.
 */
export async function recordVerification(outputs: Outputs, report: Report): Promise<void> {
  if (report.readOnly) return
  try {
    const deployment = await openDeployment(outputs)
    await deployment
      .knowledge()
      .verification.put(report, outputs.models)
      .finally(() => deployment.close())
  } catch {}
}
