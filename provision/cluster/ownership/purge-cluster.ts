import type { KubernetesObject, V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { OBJECT_OWNER_LABEL } from '../../../infra/kubernetes/kubernetes-names.ts'
import type { Owner } from '../../../infra/ownership/owner.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import type { Cluster } from '../cluster-client.ts'
import { mounts, podsIn } from '../pods.ts'
import { ownObjects } from './cluster-ownership.ts'
import { objectName } from './owned-objects.ts'
import { removeObjects } from './remove-objects.ts'
import { endNamespace } from './require-namespace.ts'

/** The stack's claims and how much they ask for, for people; empty where there are none. */
export async function describeClaims(
  settings: Settings,
  owner: Owner,
  cluster: Cluster,
): Promise<string> {
  const claims = (await ownObjects(settings, owner, cluster)).filter(isClaim)
  const names = claims.map(({ metadata, spec }) => {
    const size = spec?.resources?.requests?.storage ?? 'of unknown size'
    return `${metadata?.name} (${size})`
  })
  const { namespace } = settings.kubernetes
  return names.length === 0 ? '' : `the claims ${names.join(', ')} of the namespace ${namespace}`
}

const isClaim = (object: KubernetesObject): object is V1PersistentVolumeClaim =>
  object.kind === 'PersistentVolumeClaim'

/**
 * Deletes all that is the stack's own in its namespace, once it is down, and the namespace with it where that is the
 * stack's alone. A claim of an older version, which does not say whose it is, is let be where a pod uses it.
 * @returns what stays, for people
 * @throws Failure as removeObjects does
 */
export async function purgeObjects(
  settings: Settings,
  owner: Owner,
  cluster: Cluster,
): Promise<string[]> {
  const { namespace } = settings.kubernetes
  const pods = await podsIn(namespace, cluster)
  const own = await ownObjects(settings, owner, cluster)
  const used = own.filter(
    object =>
      object.metadata?.labels?.[OBJECT_OWNER_LABEL] === undefined &&
      pods.some(pod => mounts(pod, object)),
  )
  await removeObjects(
    own.filter(object => !used.includes(object)),
    cluster,
  )
  const others = used.map(claim => `${objectName(claim)} in ${namespace}, which a pod uses`)
  return [...others, ...(await endNamespace(settings, owner, cluster))]
}
