import { autoscaling } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Scale } from '../../settings/kubernetes-settings.ts'
import type { Labels } from '../kubernetes-names.ts'

/**
 * How many pods a workload begins with, and for an autoscaled one that their count is the autoscaler's from then on: no
 * update touches what it chose, nor what was there when it took over. Left out, the API server would make it 1.
 * @returns with annotations that are others when it is switched off: else the count which Pulumi knows from before may be
 *   the wanted one, and nothing would be done about the one that is there
 */
export const replicasOf = (scale: Scale | undefined, count: number) =>
  scale === undefined
    ? { replicas: count }
    : { replicas: scale.min, ignored: ['spec.replicas'], annotations: AUTOSCALED }

const AUTOSCALED = { 'knowledge-stack/replicas': 'autoscaled' }

/** Lets the cluster choose how many pods a workload has, by the CPU they use: Ollama publishes no metrics of its own. */
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
