import { batch } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import { JOB_ARGUMENTS } from '../../node-arguments.mjs'
import { OUTPUTS_FILE } from '../../servers/api-spec.ts'
import { backupRequest } from '../../servers/backup-request.ts'
import type { ScheduledBackup } from '../../settings/backup-settings.ts'
import { BACKUP, objectLabels } from '../kubernetes-names.ts'
import type { MountedFiles } from '../pods/mounted-files.ts'
import { podTemplate } from '../pods/pod.ts'
import { serverContainer } from '../pods/server-container.ts'
import type { PodServerArgs } from '../server-args.ts'

/** Seconds: one that could not be begun for so long, as while a cluster is down, waits for its next time. */
const LATE = 3600
/** Tries, in 10 s, then 20 s and so on, of one that finds creators moving, or a server that starts. */
const TRIES = 6
/** Of each are kept, for who looks at their logs. */
const KEPT = { successful: 1, failed: 3 }

/** Backups on schedule, inside of the cluster, to storage of S3's kind. */
export function backupCronJob(
  { settings, options }: PodServerArgs,
  backup: ScheduledBackup,
  files: MountedFiles,
  plan: Workload,
  dependsOn: pulumi.Resource[],
): batch.v1.CronJob {
  const labels = objectLabels(BACKUP)
  const request = JSON.stringify(backupRequest(settings, backup))
  const server = {
    name: BACKUP,
    image: settings.images.api,
    args: [...JOB_ARGUMENTS, 'provision/backup/main.ts', OUTPUTS_FILE, request],
    share: plan.server,
  }
  const storage = { envFrom: [{ secretRef: { name: backup.secret } }] }
  return new batch.v1.CronJob(
    BACKUP,
    {
      metadata: { labels },
      spec: {
        schedule: backup.schedule,
        timeZone: backup.timeZone,
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: LATE,
        successfulJobsHistoryLimit: KEPT.successful,
        failedJobsHistoryLimit: KEPT.failed,
        jobTemplate: {
          metadata: { labels },
          spec: {
            backoffLimit: TRIES,
            template: podTemplate({
              labels,
              restartPolicy: 'Never',
              containers: [{ ...serverContainer(server, [files.mount]), ...storage }],
              volumes: [files.volume],
              cluster: settings.kubernetes,
            }),
          },
        },
      },
    },
    { ...options, dependsOn },
  )
}
