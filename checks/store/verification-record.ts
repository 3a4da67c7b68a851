import { z } from 'zod'
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

  async put(report: Report): Promise<void> {
    await this.#records.put(LAST, LastVerification.parse(report))
  }
}
