import { apps } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { ServerSpec } from '../../servers/server-spec.ts'
import { API, objectLabels } from '../kubernetes-names.ts'
import { FILES_HASH } from '../pods/content-hash.ts'
import type { MountedFiles } from '../pods/mounted-files.ts'
import { podTemplate } from '../pods/pod.ts'
import { serverContainer } from '../pods/server-container.ts'
import { service } from '../pods/service.ts'
import type { PodServerArgs } from '../server-args.ts'
import { autoscaler, replicasOf } from './autoscaling.ts'
import { disruptionBudget } from './disruption.ts'

/** The HTTP API: as many pods as wanted, none of which has anything to lose. */
export function apiServers(
  { settings: { kubernetes, api }, options }: PodServerArgs,
  server: ServerSpec,
  files: MountedFiles,
  dependsOn: pulumi.Resource[],
): apps.v1.Deployment {
  const labels = objectLabels(API)
  const scale = kubernetes.autoscaling.api
  const { replicas, annotations, ignored = [] } = replicasOf(scale, kubernetes.replicas.api)
  const deployment = new apps.v1.Deployment(
    API,
    {
      metadata: { labels, ...(annotations && { annotations }) },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        // A pod more during a change would need room that the plan does not have.
        strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: podTemplate({
          labels,
          annotations: { [FILES_HASH]: files.hash },
          containers: [serverContainer(server, [files.mount])],
          volumes: [files.volume],
          grace: server.grace,
          cluster: kubernetes,
        }),
      },
    },
    { ...options, dependsOn, ignoreChanges: ignored },
  )
  service(API, labels, api.port, options)
  disruptionBudget(API, labels, options)
  if (scale !== undefined) {
    const target = { kind: 'Deployment', name: deployment.metadata.name } as const
    autoscaler(API, labels, target, scale, options)
  }
  return deployment
}
