import type { KubernetesObject, V1APIResourceList } from '@kubernetes/client-node'
import { ask, type Cluster } from '../cluster-client.ts'
import { objectName } from './owned-objects.ts'

/** Kept by the cluster itself, in every namespace or beside every Service. */
const OF_CLUSTER = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default'])
const OF_CLUSTERS = new Set(['Event', 'Endpoints', 'EndpointSlice', 'PodMetrics'])
/** The API server makes one for a ServiceAccount that asks for it, and deletes it with that. */
const TOKEN = 'kubernetes.io/service-account-token'

/**
 * What a namespace holds of any kind that its end would take along, once the stack's own is gone.
 * @returns kinds and names; where something may be that cannot be looked at, that is said
 */
export async function othersIn(namespace: string, cluster: Cluster): Promise<string[]> {
  const { groups } = await ask(cluster, 'its kinds of objects', cluster.groups.getAPIVersions())
  // A kind may be in one version of its group alone.
  const named = groups.flatMap(({ name: group, versions }) =>
    versions.map(({ version, groupVersion }) =>
      listAll(groupVersion, cluster.customObjects.getAPIResources({ group, version })),
    ),
  )
  const lists = [listAll('v1', cluster.core.getAPIResources()), ...named]
  return [...new Set((await Promise.all(lists)).flat())].sort()

  async function listAll(apiVersion: string, question: Promise<V1APIResourceList>) {
    const unseen = (what: string) => [`perhaps ${what} of ${apiVersion}, which cannot be seen`]
    const { resources } = await question.catch((): Resources => ({ resources: undefined }))
    if (resources === undefined) return unseen('something')
    const kinds = resources.filter(
      ({ name, kind, namespaced, verbs }) =>
        namespaced && verbs.includes('list') && !name.includes('/') && !OF_CLUSTERS.has(kind),
    )
    const found = kinds.map(({ kind, name }) =>
      list(apiVersion, kind, namespace, cluster).catch(() => unseen(name)),
    )
    return (await Promise.all(found)).flat()
  }
}

interface Resources {
  resources: V1APIResourceList['resources'] | undefined
}

async function list(apiVersion: string, kind: string, namespace: string, { objects }: Cluster) {
  const { items } = await objects.list(apiVersion, kind, namespace)
  return items
    .map((item): KubernetesObject => ({ ...item, apiVersion, kind }))
    .filter(isOfOthers)
    .map(objectName)
}

/** What has an owner in the cluster goes with that, and what is about to go is nobody's any more. */
function isOfOthers(object: KubernetesObject): boolean {
  const { ownerReferences = [], deletionTimestamp } = object.metadata ?? {}
  const { type } = object as { type?: string }
  return (
    ownerReferences.length === 0 &&
    deletionTimestamp === undefined &&
    type !== TOKEN &&
    !OF_CLUSTER.has(objectName(object))
  )
}
