/** Kinds of what a stack has in its namespace and takes away when it goes down, by group and kind. */
export const RUNNING_KINDS = [
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'Deployment'],
  ['batch/v1', 'Job'],
  ['batch/v1', 'CronJob'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['v1', 'Service'],
  ['v1', 'Secret'],
  ['v1', 'Pod'],
] as const
