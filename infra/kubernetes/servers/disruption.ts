import { policy } from '@pulumi/kubernetes'
import type * as pulumi from '@pulumi/pulumi'
import type { Labels } from '../kubernetes-names.ts'

/** One pod at a time may be evicted, so that a node can be drained and what has several replicas goes on. */
export const disruptionBudget = (
  name: string,
  labels: Labels,
  options: pulumi.CustomResourceOptions,
) =>
  new policy.v1.PodDisruptionBudget(
    name,
    { metadata: { labels }, spec: { maxUnavailable: 1, selector: { matchLabels: labels } } },
    options,
  )
