import { readFile } from 'node:fs/promises'
import { openDeployment } from '../../checks/connected-deployment.ts'
import { reshard } from '../../checks/reshard/reshard.ts'
import { Outputs } from '../../infra/outputs.ts'
import { runJob, say } from '../inside-job.ts'
import { MoveRequest } from './move-request.ts'

/** A move as a process inside the deployment, started with the path of its outputs and what is asked for, as JSON. */
await runJob(async task => {
  const [outputs, request] = process.argv.slice(2)
  const asked = MoveRequest.parse(JSON.parse(request!))
  const deployment = await openDeployment(
    Outputs.parse(JSON.parse(await readFile(outputs!, 'utf8'))),
  )
  try {
    say(JSON.stringify(await reshard(deployment.knowledge(), { ...asked, ...task })))
    return 0
  } finally {
    await deployment.close()
  }
})
