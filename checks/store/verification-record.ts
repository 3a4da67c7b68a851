import { z } from 'zod'
import type { DeployedModel } from '../../infra/outputs.ts'
import type { ChromaServer } from '../chroma/chroma-server.ts'
import { CheckResult, Report } from '../report.ts'
import { parseRecorded } from './shards/parse-recorded.ts'
import { StackRecords } from './stack-records.ts'

/** What is remembered of a verification: how it came out, and what was found. */
export const LastVerification = Report.pick({
  startedAt: true,
  verdict: true,
  readOnly: true,
}).extend({
  checks: z.array(CheckResult.pick({ name: true, verdict: true, detail: true })),
  /** Bytes that the plan sets aside for each model, of the host and of GPUs; without those that nobody planned. */
  planned: z.record(z.string(), z.int().nonnegative()).default({}),
})
export type LastVerification = z.infer<typeof LastVerification>

const LAST = 'last'

/** The last verification of a stack, recorded beside the data: who looks at the stack, and from where, knows of it. */
export class VerificationRecord {
  readonly #records: StackRecords

  constructor(server: ChromaServer) {
    this.#records = new StackRecords(server, 'verifications')
  }

  /** Undefined where there was none. */
  async last(signal?: AbortSignal): Promise<LastVerification | undefined> {
    const [value] = await this.#records.values(signal)
    return value === undefined
      ? undefined
      : parseRecorded(LastVerification, value, 'a verification')
  }

  /** @param models as they were deployed. Where none of them tells what was planned, what is recorded of that stays. */
  async put(report: Report, models: readonly DeployedModel[]): Promise<void> {
    const told = models.flatMap(({ name, planned }) =>
      planned === undefined ? [] : [[name, planned.host + planned.gpu]],
    )
    const before = told.length > 0 ? undefined : await this.last().catch(() => undefined)
    const planned = before?.planned ?? Object.fromEntries(told)
    await this.#records.put(LAST, LastVerification.parse({ ...report, planned }))
  }
}
