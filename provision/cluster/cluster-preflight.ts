import { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { ask, askIfThere, type Cluster } from './cluster-client.ts'
import { requireHonestLabels } from './gpu-labels.ts'
import { requirePermissions } from './permissions.ts'

/**
 * Requires of a cluster, before anything is made, what a deployment would else find out after its wait.
 * @throws Failure that names the object and what is wrong with it
 */
export async function requireCluster(settings: Settings, cluster: Cluster): Promise<void> {
  await requirePermissions(settings, cluster)
  await requireNamespace(settings, cluster)
  await requireStorage(settings, cluster)
  const { items } = await ask(cluster, 'its nodes', cluster.core.listNode())
  requireHonestLabels(items)
}

async function requireNamespace({ kubernetes: { namespace: name } }: Settings, cluster: Cluster) {
  const question = cluster.core.readNamespace({ name })
  const namespace = await askIfThere(cluster, `the namespace ${name}`, question)
  if (namespace?.status?.phase !== 'Terminating') return
  throw new Failure(
    'unavailable',
    `The namespace ${name} is being deleted, with all that is in it`,
    {
      mend: `wait until it is gone (kubectl get namespace ${name} -o yaml says what holds it), or choose another: kubernetes.namespace`,
    },
  )
}

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'

async function requireStorage({ kubernetes: { storageClass } }: Settings, cluster: Cluster) {
  const { items } = await ask(cluster, 'its storage classes', cluster.storage.listStorageClass())
  const names = items.flatMap(({ metadata }) => metadata?.name ?? [])
  const known = names.join(', ') || 'none'
  const mend = 'set kubernetes.storageClass to one of the cluster (kubectl get storageclass)'
  if (storageClass !== '') {
    if (names.includes(storageClass)) return
    throw new Failure(
      'misused',
      `knowledge-stack:kubernetes.storageClass is "${storageClass}"; the cluster has ${known}`,
      { mend },
    )
  }
  if (items.some(({ metadata }) => metadata?.annotations?.[DEFAULT_CLASS] === 'true')) return
  throw new Failure('misused', `The cluster has no default storage class; it has ${known}`, {
    mend,
  })
}
