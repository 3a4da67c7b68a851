import { join } from 'node:path'
import { backup } from '../../../checks/archive/backup.ts'
import { FolderStorage } from '../../../checks/archive/folder-storage.ts'
import { restore } from '../../../checks/archive/restore.ts'
import { openDeployment } from '../../../checks/connected-deployment.ts'
import type { Fetch } from '../../../checks/transport/connection.ts'
import { Outputs } from '../../../infra/outputs.ts'

/**
 * A process that takes a backup of a deployment, or restores one. Where a number is given, it kills itself at so many
 * requests to Chroma; 0 counts them.
 */
const [outputs = '', what, folder = '', place = '', killAt] = process.argv.slice(2)
let met = 0
const fatal: Fetch = async (url, init) => {
  met += 1
  const isMet = met === Number(killAt)
  // At every other one before it is sent.
  if (isMet && met % 2 === 0) process.kill(process.pid, 'SIGKILL')
  const response = await fetch(url, init)
  if (isMet) process.kill(process.pid, 'SIGKILL')
  return response
}

const deployment = await openDeployment(Outputs.parse(JSON.parse(outputs)), {
  ...(killAt !== undefined && { fetch: fatal }),
})
const { signal } = new AbortController()
const options = { folder: join(folder, what ?? ''), signal, report() {} }
const storage = new FolderStorage(place)
const started = performance.now()
const done =
  what === 'backup'
    ? await backup(deployment.knowledge(), storage, {
        ...options,
        stack: 'test',
        versions: {},
        recipients: [],
        now: new Date(),
      })
    : await restore(deployment.knowledge(), storage.open(), {
        ...options,
        there: 'keep',
        embedAnew: false,
        forgotten: new Map(),
        identities: [],
      })
const seconds = (performance.now() - started) / 1000
const resident = process.resourceUsage().maxRSS * 1024
process.stdout.write(JSON.stringify({ ...done, seconds, resident, requests: met }))
await deployment.close()
