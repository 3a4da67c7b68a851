import { autoscaling } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Scale } from '../../settings/kubernetes-settings.ts'
import type { Labels } from '../kubernetes-names.ts'

/**
 * Lets the cluster choose how many pods a workload has, by the CPU they use: Ollama publishes no metrics of its own.
 * The program says nothing of replicas then, or the two would undo each other.
 */
export const autoscaler = (
  name: string,
  labels: Labels,
  target: { kind: 'Deployment' | 'StatefulSet'; name: pulumi.Input<string> },
  { min, max, cpuPercent }: Scale,
  options: pulumi.CustomResourceOptions,
) => {
  const utilization = { type: 'Utilization', averageUtilization: cpuPercent }
  return new autoscaling.v2.HorizontalPodAutoscaler(
    name,
    {
      metadata: { labels },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', ...target },
        minReplicas: min,
        maxReplicas: max,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: utilization } }],
      },
    },
    options,
  )
}
