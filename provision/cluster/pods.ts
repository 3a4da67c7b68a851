import type { V1Pod } from '@kubernetes/client-node'
import { PART_OF, selectorOf } from '../../infra/kubernetes/names.ts'
import type { Settings } from '../../infra/settings.ts'
import type { Millis } from '../../infra/units.ts'
import { ask, type Cluster } from './cluster.ts'
import type { ReadLog } from './hopeless.ts'

/** The stack's pods. */
export async function podsOf(
  { kubernetes: { namespace } }: Settings,
  cluster: Cluster,
): Promise<V1Pod[]> {
  const question = cluster.core.listNamespacedPod({
    namespace,
    labelSelector: selectorOf(PART_OF),
  })
  const { items } = await ask(cluster, `the pods of namespace ${namespace}`, question)
  return items
}

const LINES = 50

/** Reads what containers have said since a moment; nothing for one that has said nothing yet, or is gone. */
export const logsOf =
  ({ kubernetes: { namespace } }: Settings, { core }: Cluster, since: Millis): ReadLog =>
  async (pod, container) => {
    const sinceSeconds = Math.ceil((Date.now() - since) / 1000)
    const asked = { name: pod, namespace, container, sinceSeconds, tailLines: LINES }
    return core.readNamespacedPodLog(asked).catch(() => '')
  }
