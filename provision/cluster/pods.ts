import type { KubernetesObject, V1Pod } from '@kubernetes/client-node'
import { OBJECT_OWNER_LABEL, PART_OF, selectorOf } from '../../infra/kubernetes/kubernetes-names.ts'
import type { Endpoint } from '../../infra/outputs.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Millis } from '../../infra/units.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import { ask, type Cluster, openCluster } from './cluster-client.ts'
import type { ReadLog } from './hopeless.ts'

/** What runs pods, by group and kind. */
const WORKLOADS = [
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'Deployment'],
  ['batch/v1', 'Job'],
] as const

/** The pods of a namespace, whoever made them. */
export async function podsIn(namespace: string, cluster: Cluster, labelSelector?: string) {
  const question = cluster.core.listNamespacedPod({
    namespace,
    ...(labelSelector && { labelSelector }),
  })
  return (await ask(cluster, `the pods of namespace ${namespace}`, question)).items
}

/** The ways to each pod behind a way to whichever of them is ready. */
export async function endpointsOfPods(
  settings: Settings,
  endpoint: Extract<Endpoint, { kind: 'port-forward' }>,
): Promise<Endpoint[]> {
  const { namespace, selector } = endpoint
  const pods = await podsIn(namespace, await openCluster(settings), selector)
  return pods.map(({ metadata }) => ({
    ...endpoint,
    selector: `${selector},statefulset.kubernetes.io/pod-name=${metadata?.name}`,
  }))
}

/** The stack's own pods: not those of another stack of the same name, by what its home folder knows of itself. */
export async function stackPods(settings: Settings, cluster: Cluster): Promise<V1Pod[]> {
  const [{ id, older }, pods] = await Promise.all([
    ownerOf(settings),
    podsIn(settings.kubernetes.namespace, cluster, selectorOf(PART_OF)),
  ])
  const owners = await workloadOwners(settings, cluster)
  return pods.filter(pod => {
    const owner = owners.get(workloadOf(pod) ?? '')
    return owner === undefined ? older && id === undefined : owner === id
  })
}

const none = undefined

/** The owner of each workload that has one, by kind and name. */
async function workloadOwners({ kubernetes: { namespace } }: Settings, cluster: Cluster) {
  const lists = await Promise.all(
    WORKLOADS.map(async ([apiVersion, kind]) => {
      const labelled = [none, none, none, none, OBJECT_OWNER_LABEL] as const
      const question = cluster.objects.list(apiVersion, kind, namespace, ...labelled)
      const { items } = await ask(cluster, `the ${kind}s of namespace ${namespace}`, question)
      return items.map(({ metadata }) => [
        `${kind}/${metadata?.name}`,
        metadata?.labels?.[OBJECT_OWNER_LABEL],
      ]) as [string, string | undefined][]
    }),
  )
  return new Map(lists.flat())
}

/** Kind and name of what runs a pod; undefined for one that somebody made by hand. */
export function workloadOf({ metadata }: V1Pod): string | undefined {
  const controller = metadata?.ownerReferences?.find(({ controller }) => controller)
  if (controller === undefined) return undefined
  // A Deployment's ReplicaSets have its name before a hash of their own.
  return controller.kind === 'ReplicaSet'
    ? `Deployment/${controller.name.replace(/-[^-]+$/, '')}`
    : `${controller.kind}/${controller.name}`
}

/** Whether an object is a claim that a pod uses. */
export const mounts = ({ spec }: V1Pod, { kind, metadata }: KubernetesObject): boolean =>
  kind === 'PersistentVolumeClaim' &&
  (spec?.volumes ?? []).some(
    ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata?.name,
  )

const LINES = 50

/** Reads what containers have said since a moment; nothing for one that has said nothing yet, or is gone. */
export const logsOf =
  ({ kubernetes: { namespace } }: Settings, { core }: Cluster, since: Millis): ReadLog =>
  async (pod, container) => {
    const sinceSeconds = Math.ceil((Date.now() - since) / 1000)
    const asked = { name: pod, namespace, container, sinceSeconds, tailLines: LINES }
    return core.readNamespacedPodLog(asked).catch(() => '')
  }
