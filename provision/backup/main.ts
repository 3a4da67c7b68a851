import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BackupRequest } from '../../infra/servers/backup-request.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import { runOnData, say } from '../inside-job.ts'
import { storageAt } from './archives.ts'
import { describeBackup, takeBackup } from './take-backup.ts'

const TOLD_EVERY: Millis = seconds(30)

/** A backup as a process inside the deployment. */
await runOnData(BackupRequest, async (deployment, { to, endpoint, ...asked }, task) => {
  const storage = await storageAt(to, endpoint)
  const folder = join(tmpdir(), 'archive')
  const told = { ...task, report: nowAndThen(say) }
  const done = await takeBackup(deployment.knowledge(), storage, { ...asked, folder }, told)
  say(describeBackup(done))
})

/** A log is not to have a line for each of the parts that are read. */
function nowAndThen(tell: (text: string) => void): (text: string) => void {
  let last = 0
  return text => {
    if (Date.now() - last < TOLD_EVERY) return
    last = Date.now()
    tell(text)
  }
}
