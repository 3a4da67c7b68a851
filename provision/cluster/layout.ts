import { LAYOUT } from '../../infra/kubernetes/names.ts'
import type { Layout } from '../../infra/layout.ts'
import type { Settings } from '../../infra/settings.ts'
import { type Cluster, find } from './cluster.ts'

/** How the data of a stack on a cluster was laid out; undefined where there is none yet. */
export async function clusterLayout(
  { kubernetes: { namespace } }: Settings,
  cluster: Cluster,
): Promise<Layout | undefined> {
  const question = cluster.core.readNamespacedConfigMap({ name: LAYOUT, namespace })
  const recorded = await find(cluster, `the object ${LAYOUT} in namespace ${namespace}`, question)
  const { shards, instances } = recorded?.data ?? {}
  return shards === undefined ? undefined : { shards: Number(shards), instances: Number(instances) }
}
