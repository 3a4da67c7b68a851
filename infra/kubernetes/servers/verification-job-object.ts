import { batch } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Workload } from '../../capacity/workload.ts'
import { OUTPUTS_FILE } from '../../servers/api-spec.ts'
import { minutes } from '../../units.ts'
import { objectLabels, VERIFICATION_JOB } from '../kubernetes-names.ts'
import { hashOf } from '../pods/content-hash.ts'
import type { MountedFiles } from '../pods/mounted-files.ts'
import { podTemplate } from '../pods/pod.ts'
import { serverContainer } from '../pods/server-container.ts'
import type { PodServerArgs } from '../server-args.ts'

/** What verification is made for: with another value it is made again. */
const VERIFIED = 'knowledge-stack/verifies'
/** The checks take a minute at most, beside the loading of models that were unloaded. */
const WITHIN = minutes(15)

/**
 * The checks as a Job inside the cluster, and a part of the update: it is replaced when what it depends on is
 * another, and when it failed before; its failure, told with the end of its log, fails the update.
 */
export function verificationJob(
  { settings, options }: PodServerArgs,
  files: MountedFiles,
  plan: Workload,
  triggers: pulumi.Output<string>[],
  dependsOn: pulumi.Resource[],
): batch.v1.Job {
  const labels = objectLabels(VERIFICATION_JOB)
  const checks = {
    name: VERIFICATION_JOB,
    image: settings.images.api,
    args: ['provision/verification-job.ts', OUTPUTS_FILE],
    share: plan.server,
  }
  const timeout = `${WITHIN / minutes(1) + 1}m`
  return new batch.v1.Job(
    VERIFICATION_JOB,
    {
      metadata: { labels, annotations: { 'pulumi.com/replaceUnready': 'true' } },
      spec: {
        // One that failed has found something out; it is not asked until it says yes.
        backoffLimit: 0,
        activeDeadlineSeconds: WITHIN / 1000,
        template: podTemplate({
          labels,
          annotations: { [VERIFIED]: hashOf(files.hash, ...triggers) },
          restartPolicy: 'Never',
          containers: [serverContainer(checks, [files.mount])],
          volumes: [files.volume],
          cluster: settings.kubernetes,
        }),
      },
    },
    { ...options, dependsOn, customTimeouts: { create: timeout, update: timeout } },
  )
}
