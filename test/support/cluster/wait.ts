import { setTimeout as sleep } from 'node:timers/promises'

const DEADLINE_MS = 180_000
const POLL_MS = 500

/** @param what names it when the time is over: `chroma-0 to be ready again` */
export async function waitFor(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited for ${what}, in vain`)
    await sleep(POLL_MS)
  }
}
