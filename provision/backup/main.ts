import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDeployment } from '../../checks/connected-deployment.ts'
import { Outputs } from '../../infra/outputs.ts'
import { BackupRequest } from '../../infra/servers/backup-request.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import { runJob, say } from '../inside-job.ts'
import { storageAt } from './archives.ts'
import { describeBackup, takeBackup } from './take-backup.ts'

const TOLD_EVERY: Millis = seconds(30)

/** A backup as a process inside the deployment, started with the path of its outputs and what is asked for, as JSON. */
await runJob(async task => {
  const [outputs, request] = process.argv.slice(2)
  const { to, endpoint, ...asked } = BackupRequest.parse(JSON.parse(request!))
  const storage = await storageAt(to, endpoint)
  const deployment = await openDeployment(
    Outputs.parse(JSON.parse(await readFile(outputs!, 'utf8'))),
  )
  try {
    const folder = join(tmpdir(), 'archive')
    const told = { ...task, report: nowAndThen(say) }
    const done = await takeBackup(deployment.knowledge(), storage, { ...asked, folder }, told)
    say(describeBackup(done))
    return 0
  } finally {
    await deployment.close()
  }
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
