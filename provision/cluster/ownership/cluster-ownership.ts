import type { KubernetesObject } from '@kubernetes/client-node'
import { claimName, OBJECT_OWNER_LABEL } from '../../../infra/kubernetes/kubernetes-names.ts'
import type { Owner } from '../../../infra/ownership/owner.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { type Claim, refuseForeign } from '../../ownership/claim.ts'
import type { Cluster } from '../cluster-client.ts'
import { isFixed, isKept, isOfStacks, setOf } from './owned-kinds.ts'
import { objectName, objectsOf } from './owned-objects.ts'
import { removeObjects } from './remove-objects.ts'
import { requireOwnNamespace } from './require-namespace.ts'

const ANOTHER = 'choose another namespace (knowledge-stack:kubernetes.namespace)'

const ownerOf = ({ metadata }: KubernetesObject): string | undefined =>
  metadata?.labels?.[OBJECT_OWNER_LABEL]

/**
 * Requires that the namespace and the objects under the stack's names are the stack's own.
 * @throws Failure `misused` that names what is somebody else's
 */
export async function requireOwnObjects(
  settings: Settings,
  claim: Claim,
  cluster: Cluster,
): Promise<void> {
  const objects = await objectsOf(settings, cluster)
  const isOurs = ownership(objects, claim)
  await requireOwnNamespace(settings, claim, objects, isOurs, cluster)
  const foreign = objects.filter(
    object => isFixed(object.kind!, object.metadata?.name ?? '') && !isOurs(object),
  )
  refuseForeign(
    settings.stack,
    foreign.map(object => {
      const owner = ownerOf(object)
      const where = `${objectName(object)} in the namespace ${settings.kubernetes.namespace}`
      return owner === undefined ? where : `${where} (owner ${owner})`
    }),
    ANOTHER,
  )
}

/** What the stack has in its namespace, by what its home folder and Pulumi's state know of it. */
export async function ownObjects(
  settings: Settings,
  owner: Owner,
  cluster: Cluster,
): Promise<KubernetesObject[]> {
  const objects = await objectsOf(settings, cluster)
  const { id } = owner
  const older = owner.older && id === undefined
  const knows = (uid: string) => owner.adopted.includes(uid)
  const isOurs = ownership(objects, { id, older, knows })
  return objects.filter(isOurs)
}

/**
 * Claim templates of a StatefulSet cannot be changed, and may be others by now. A Service keeps the ports of whom it is
 * taken over from beside its own, and two of one name are refused.
 */
const NOT_TAKEN_OVER = new Set(['StatefulSet', 'Service'])

/**
 * Deletes the stack's own objects that Pulumi's state does not have, but for what outlives `destroy`.
 * @param isKnown before an update: whether the state has an object, by its uid. What has a name that stays is taken
 * over by the update, but for what it could not become
 */
export async function removeUnknownObjects(
  settings: Settings,
  owner: Owner,
  isKnown: ((uid: string) => boolean) | undefined,
  cluster: Cluster,
): Promise<void> {
  const left = (await ownObjects(settings, owner, cluster)).filter(object => {
    if (isKept(object)) return false
    if (isKnown === undefined) return true
    const { kind = '', metadata: { name = '', uid = '' } = {} } = object
    return !isKnown(uid) && (NOT_TAKEN_OVER.has(kind) || !isFixed(kind, name))
  })
  await removeObjects(left, cluster)
}

/**
 * What is proven to be the stack's, and the claims that a StatefulSet's controller made from a template without an
 * owner: they are of whom the set is, or the claim of its first pod.
 */
function ownership(
  objects: readonly KubernetesObject[],
  { id, older, knows }: Partial<Pick<Claim, 'id'>> & Pick<Claim, 'older' | 'knows'>,
): (object: KubernetesObject) => boolean {
  const isProven = (object: KubernetesObject) =>
    ownerOf(object) === undefined
      ? knows(object.metadata?.uid ?? '') || (older && isKeptByOlder(object))
      : ownerOf(object) === id
  const proven = new Set(objects.filter(isProven).map(objectName))
  return object => {
    if (proven.has(objectName(object))) return true
    const set = object.kind === CLAIM ? setOf(object.metadata?.name ?? '') : undefined
    if (set === undefined || ownerOf(object) !== undefined) return false
    const isOfSet = object.metadata?.labels?.[COMPONENT] === set
    return (
      isOfSet &&
      [`StatefulSet/${set}`, `${CLAIM}/${claimName(set, 0)}`].some(name => proven.has(name))
    )
  }
}

const COMPONENT = 'app.kubernetes.io/component'
const CLAIM = 'PersistentVolumeClaim'

/** What a stack of an older version leaves when it is down, of which its state says nothing any more. */
const isKeptByOlder = (object: KubernetesObject): boolean =>
  isKept(object) &&
  isFixed(object.kind!, object.metadata?.name ?? '') &&
  isOfStacks(object.metadata?.labels)
