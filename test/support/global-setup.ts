import { clusterParts } from './cluster/parts.ts'
import { realTools } from './toolchain/toolchain.ts'

/** Makes the real tools once, before the suites that use them start side by side. */
export default async function setup(): Promise<void> {
  let shown = Date.now()
  const report = (text: string) => {
    if (Date.now() - shown < 10_000) return
    shown = Date.now()
    console.error(text)
  }
  await realTools(report)
  await clusterParts(report)
}
