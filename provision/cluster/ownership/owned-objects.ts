import type { KubernetesObject, V1OwnerReference } from '@kubernetes/client-node'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { askIfThere, type Cluster } from '../cluster-client.ts'
import { kindsOf } from './owned-kinds.ts'

/**
 * All objects in a stack's namespace of the kinds that a stack makes, whoever made them, but for those that another of them
 * has made and takes along: the Jobs of a CronJob.
 */
export async function objectsOf(settings: Settings, cluster: Cluster): Promise<KubernetesObject[]> {
  const { namespace } = settings.kubernetes
  const lists = await Promise.all(
    kindsOf(settings).map(async ({ apiVersion, kind }) => {
      const question = cluster.objects.list(apiVersion, kind, namespace)
      // The API may lack a kind that only some clusters have.
      const list = await askIfThere(cluster, `the ${kind}s of namespace ${namespace}`, question)
      // Items of a list do not say what they are.
      const items = (list?.items ?? []).map(item => ({ ...item, apiVersion, kind }))
      return items.filter(({ metadata }) => !metadata?.ownerReferences?.some(isCronJob))
    }),
  )
  return lists.flat()
}

const isCronJob = ({ kind, controller }: V1OwnerReference): boolean =>
  kind === 'CronJob' && controller === true

/** `Service/chroma-pods` */
export const objectName = ({ kind, metadata }: KubernetesObject): string =>
  `${kind}/${metadata?.name}`
