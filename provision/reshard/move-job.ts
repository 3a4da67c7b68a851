import { dirname } from 'node:path'
import type { Resharded } from '../../checks/reshard/reshard.ts'
import { Failure, readMarked } from '../../infra/failure.ts'
import { API_FILES, MOVE_JOB, objectLabels } from '../../infra/kubernetes/kubernetes-names.ts'
import { podTemplate } from '../../infra/kubernetes/pods/pod.ts'
import { JOB_ARGUMENTS } from '../../infra/node-arguments.mjs'
import { OUTPUTS_FILE } from '../../infra/servers/api-spec.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { openCluster } from '../cluster/cluster-client.ts'
import { runClusterJob } from '../cluster/cluster-job.ts'
import type { Task } from '../progress.ts'
import type { MoveRequest } from './move-request.ts'

/** The program, by its path below the project's root. */
const PROGRAM = 'provision/reshard/main.ts'
/** A node that is drained, or has no memory left: what was moved by then stays, and the next goes on. */
const RETRIES = 3
const RESOURCES = {
  requests: { cpu: '250m', memory: '512Mi' },
  limits: { cpu: '2', memory: '1Gi' },
}

/** Moves creators by a Job inside of the cluster, beside the servers. */
export async function moveByJob(
  settings: Settings,
  request: MoveRequest,
  task: Task,
): Promise<Resharded> {
  const cluster = await openCluster(settings)
  const template = podTemplate({
    labels: objectLabels(MOVE_JOB),
    restartPolicy: 'Never',
    containers: [
      {
        name: MOVE_JOB,
        image: settings.images.api,
        args: [...JOB_ARGUMENTS, PROGRAM, OUTPUTS_FILE, JSON.stringify(request)],
        resources: RESOURCES,
        volumeMounts: [{ name: API_FILES, mountPath: dirname(OUTPUTS_FILE), readOnly: true }],
      },
    ],
    volumes: [{ name: API_FILES, secret: { secretName: API_FILES, defaultMode: 0o440 } }],
    cluster: settings.kubernetes,
  })
  const job = { name: MOVE_JOB, kind: MOVE_JOB, template, retries: RETRIES }
  const last = (await runClusterJob(settings, cluster, job, task)).trimEnd().split('\n').at(-1)!
  const said = readMarked(last)
  if (said !== undefined) throw new Failure(said.kind, said.text)
  if (last.startsWith('{')) return JSON.parse(last)
  throw new Failure('unavailable', `The Job ${MOVE_JOB} ended: ${last}`, {
    mend: 'run this again: what was moved by then stays where it is',
  })
}
