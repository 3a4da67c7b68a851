import type { Workload } from '../../../infra/capacity/workload.ts'
import { objectLabels } from '../../../infra/kubernetes/kubernetes-names.ts'
import { podTemplate } from '../../../infra/kubernetes/pods/pod.ts'
import { resourcesOf } from '../../../infra/kubernetes/pods/resource-quantity.ts'
import { ollamaPlacement } from '../../../infra/kubernetes/servers/ollama-set.ts'
import { Kubernetes } from '../../../infra/settings/kubernetes-settings.ts'
import type { KubeObject } from '../../support/cluster/api.ts'

/** What a stack is on its cluster where nobody says otherwise. */
export const CLUSTER_SETTINGS = Kubernetes.parse({ namespace: 'knowledge-stack' })

/** A pod of the workload as the scheduler sees it: what its containers request, and where it may run. */
export function podOf(workload: Workload, name: string): KubeObject {
  const { server, front, keeper } = workload
  const shares = [server, front, keeper].filter(share => share !== undefined)
  const containers = shares.map((share, index) => ({
    name: `part-${index}`,
    image: 'simulated:1',
    resources: resourcesOf(share),
  }))
  const template = podTemplate({
    labels: objectLabels('simulated'),
    containers: containers as [(typeof containers)[0], ...typeof containers],
    cluster: CLUSTER_SETTINGS,
    placement: ollamaPlacement(CLUSTER_SETTINGS, workload),
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...(template as object),
    metadata: { ...(template.metadata as object), name },
  } as KubeObject
}
