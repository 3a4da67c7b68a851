import { z } from 'zod'
import { CheckResult, Report } from '../../checks/report.ts'
import { verificationRecordOf } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { changeJsonRecord, readJsonIfSound } from '../json-record.ts'

/** What is remembered of a verification: how it came out, and what did not pass. */
const LastVerification = Report.pick({ startedAt: true, verdict: true, readOnly: true }).extend({
  checks: z.array(CheckResult.pick({ name: true, verdict: true, detail: true })),
})
export type LastVerification = z.infer<typeof LastVerification>

export const lastVerification = (settings: Settings): Promise<LastVerification | undefined> =>
  readJsonIfSound(verificationRecordOf(settings.home), LastVerification)

/** For who asks for the status later: that it cannot be written, as on a full disk, changes no verdict. */
export const recordVerification = (settings: Settings, report: Report): Promise<void> =>
  changeJsonRecord(verificationRecordOf(settings.home), LastVerification, () =>
    LastVerification.parse(report),
  ).catch(() => undefined)
