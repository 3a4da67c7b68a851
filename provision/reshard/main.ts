import { reshard } from '../../checks/reshard/reshard.ts'
import { runOnData, say } from '../inside-job.ts'
import { MoveRequest } from './move-request.ts'

/** A move as a process inside the deployment. */
await runOnData(MoveRequest, async (deployment, asked, task) => {
  say(JSON.stringify(await reshard(deployment.knowledge(), { ...asked, ...task })))
})
