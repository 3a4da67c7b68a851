import type { KubeApi, KubeObject } from '../cluster/api.ts'

interface ContainerStatus {
  name: string
  ready: boolean
  state?: {
    waiting?: { reason?: string; message?: string }
    terminated?: { reason?: string; message?: string; exitCode: number }
  }
}

/** What keeps the pods of a workload from being ready, in words; empty when nothing is known to. */
export async function podTroubles(workload: KubeObject, api: KubeApi): Promise<string> {
  const labels: Record<string, string> = workload.spec.selector?.matchLabels ?? {}
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  const query = `?labelSelector=${encodeURIComponent(selector.join(','))}`
  const pods = (await api.list('v1', 'Pod', query)).filter(
    ({ metadata }) => metadata.namespace === workload.metadata.namespace,
  )
  return pods.flatMap(troublesOf).join('; ')
}

function troublesOf({ metadata, status }: KubeObject): string[] {
  const unscheduled = status.conditions?.find(
    ({ type, status }: { type: string; status: string }) =>
      type === 'PodScheduled' && status === 'False',
  )
  if (unscheduled) return [`pod ${metadata.name} is not bound: ${unscheduled.message}`]
  const containers: ContainerStatus[] = [
    ...(status.initContainerStatuses ?? []),
    ...(status.containerStatuses ?? []),
  ]
  return containers.flatMap(({ name, ready, state }) => {
    const { reason, message } = state?.waiting ?? state?.terminated ?? {}
    const trouble =
      !ready && reason && !['ContainerCreating', 'PodInitializing', 'Completed'].includes(reason)
    return trouble
      ? [`pod ${metadata.name}, container ${name}: ${reason} ${message ?? ''}`.trim()]
      : []
  })
}
