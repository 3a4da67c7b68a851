import { rm } from 'node:fs/promises'
import { clusterParts } from './cluster/parts.ts'
import { memoryFolder } from './memory-folder.ts'
import { realTools } from './toolchain/toolchain.ts'

/**
 * Makes the real tools once, before the suites that use them start side by side, and a folder in memory for what they
 * write.
 */
export default async function setup(): Promise<() => Promise<void>> {
  let shown = Date.now()
  const report = (text: string) => {
    if (Date.now() - shown < 10_000) return
    shown = Date.now()
    console.error(text)
  }
  await realTools(report)
  await clusterParts(report)

  const folder = await memoryFolder()
  if (folder !== undefined) process.env.TMPDIR = folder
  return async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}
