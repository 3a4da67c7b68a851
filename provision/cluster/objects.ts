import type { KubernetesObject } from '@kubernetes/client-node'
import type { Settings } from '../../infra/settings.ts'
import { ask, type Cluster } from './cluster.ts'
import { kindsOf } from './kinds.ts'

/** All objects in a stack's namespace of the kinds that a stack makes, whoever made them. */
export async function objectsOf(settings: Settings, cluster: Cluster): Promise<KubernetesObject[]> {
  const { namespace } = settings.kubernetes
  const lists = await Promise.all(
    kindsOf(settings).map(async ({ apiVersion, kind }) => {
      const question = cluster.objects.list(apiVersion, kind, namespace)
      const { items } = await ask(cluster, `the ${kind}s of namespace ${namespace}`, question)
      // Items of a list do not say what they are.
      return items.map(item => ({ ...item, apiVersion, kind }))
    }),
  )
  return lists.flat()
}

/** `Service/chroma-pods` */
export const nameOf = ({ kind, metadata }: KubernetesObject): string => `${kind}/${metadata?.name}`
