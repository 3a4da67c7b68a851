import type { KubernetesObject } from '@kubernetes/client-node'
import { Failure } from '../../infra/failure.ts'
import { OWNER_LABEL, PART_OF } from '../../infra/kubernetes/names.ts'
import { policies } from '../../infra/kubernetes/network.ts'
import type { Owner } from '../../infra/owner.ts'
import type { Settings } from '../../infra/settings.ts'
import { type Claim, refuseForeign } from '../ownership/claim.ts'
import { ask, type Cluster, find } from './cluster.ts'

/** What a stack makes in its namespace, by group and kind: first what runs, then what outlives `destroy`. */
const KINDS: readonly [apiVersion: string, kind: string, kept?: 'kept'][] = [
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'Deployment'],
  ['batch/v1', 'Job'],
  ['autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'Ingress'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['v1', 'Service'],
  ['v1', 'Secret'],
  ['v1', 'ConfigMap', 'kept'],
  ['v1', 'PersistentVolumeClaim', 'kept'],
]

/** The names that stay from update to update; the others are drawn, and cannot be anybody else's. */
const POOL = 'ollama-(cpu|gpu(-\\d+)?)'
const FIXED = new RegExp(
  [
    `^(chroma|${POOL})(-pods|-front|-models)?$`,
    `^data-(chroma|${POOL})-\\d+$`,
    '^(api|layout|dashboard|deployment)$',
    `^(${Object.keys(policies({ clients: [] }, 0)).join('|')})$`,
  ].join('|'),
)

/**
 * Requires that the namespace and the objects under the stack's names are the stack's own.
 * @throws Failure `misused` that names what is somebody else's
 */
export async function requireOwnObjects(
  settings: Settings,
  claim: Claim,
  cluster: Cluster,
): Promise<void> {
  const foreign: string[] = []
  const look = ({ kind, metadata }: KubernetesObject) => {
    const owner = metadata?.labels?.[OWNER_LABEL]
    const name = `${kind}/${metadata?.name}`
    if (owner === undefined ? claim.proves(name) : owner === claim.id) return
    foreign.push(`${name}${owner ? ` (owner ${owner})` : ''}`)
  }
  const objects = await objectsOf(settings, cluster)
  await requireNamespace(settings, claim, cluster, objects)
  for (const object of objects) if (FIXED.test(object.metadata?.name ?? '')) look(object)
  refuseForeign(settings.stack, foreign)
}

/** A namespace is made for the stack, or a setting says that it is shared. */
async function requireNamespace(
  { stack, kubernetes }: Settings,
  claim: Claim,
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<void> {
  const { namespace: name, sharedNamespace } = kubernetes
  const question = cluster.core.readNamespace({ name })
  const found = await find(cluster, `the namespace ${name}`, question)
  if (sharedNamespace) {
    if (found !== undefined) return
    throw new Failure(
      'misused',
      `knowledge-stack:kubernetes.sharedNamespace is true, and there is no namespace ${name}`,
      { mend: `kubectl create namespace ${name}, or leave the setting out: the stack makes one` },
    )
  }
  if (found === undefined) return
  const owner = found.metadata?.labels?.[OWNER_LABEL]
  const others = objects.filter(object => isOfOthers(object))
  const isOwn =
    owner === claim.id ||
    (owner === undefined && claim.proves(`Namespace/${name}`) && others.length === 0)
  if (isOwn) return
  const whose = owner === undefined ? 'did not make it alone' : `is not its owner (${owner} is)`
  throw new Failure('misused', `The namespace ${name} is there, and stack ${stack} ${whose}`, {
    mend: "choose another: knowledge-stack:kubernetes.namespace; or share it, so that nothing but the stack's own is touched: knowledge-stack:kubernetes.sharedNamespace true",
  })
}

/** What somebody else runs or keeps in a namespace; the cluster itself puts its certificates into each. */
const isOfOthers = ({ kind, metadata }: KubernetesObject): boolean =>
  kind !== 'ConfigMap' && kind !== 'Secret' && !isOfStacks(metadata?.labels)

const isOfStacks = (labels: Record<string, string> = {}): boolean =>
  Object.entries(PART_OF).every(([key, value]) => labels[key] === value)

/** What of the namespace is the stack's own, for a purge. */
interface Own {
  objects: KubernetesObject[]
  /** Whether all that is in the namespace is the stack's. */
  alone: boolean
}

export async function ownObjects(settings: Settings, owner: Owner, cluster: Cluster): Promise<Own> {
  const all = await objectsOf(settings, cluster)
  const isOurs = ({ metadata }: KubernetesObject) => {
    const label = metadata?.labels?.[OWNER_LABEL]
    if (label !== undefined) return label === owner.id
    const isOlder = owner.older && owner.id === undefined
    return isOlder && isOfStacks(metadata?.labels) && FIXED.test(metadata?.name ?? '')
  }
  return {
    objects: all.filter(isOurs),
    alone: all.every(object => isOurs(object) || !isOfOthers(object)),
  }
}

/**
 * Deletes the stack's own objects that Pulumi's state does not have, but for what outlives `destroy`.
 * @param isKnown before an update, which takes over what has a name that stays: whether the state has an object, by
 * kind and name. Absent: it has none
 */
export async function removeUnknown(
  settings: Settings,
  owner: Owner,
  isKnown: ((name: string) => boolean) | undefined,
  cluster: Cluster,
): Promise<void> {
  const running = new Set(KINDS.flatMap(([, kind, kept]) => (kept ? [] : [kind])))
  const { objects } = await ownObjects(settings, owner, cluster)
  const left = objects.filter(
    ({ kind, metadata }) =>
      running.has(kind!) &&
      !(isKnown && (FIXED.test(metadata!.name!) || isKnown(`${kind}/${metadata!.name}`))),
  )
  await removeObjects(left, cluster)
}

/** Deletes objects with all that they own, and does not wait for their end. */
export async function removeObjects(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
): Promise<void> {
  for (const object of objects) {
    const { kind, metadata } = object
    const question = cluster.objects.delete(
      object,
      undefined,
      undefined,
      undefined,
      undefined,
      'Background',
      { preconditions: { uid: metadata?.uid } },
    )
    await find(cluster, `the end of ${kind} ${metadata?.name}`, question)
  }
}

async function objectsOf({ kubernetes }: Settings, cluster: Cluster): Promise<KubernetesObject[]> {
  const { namespace } = kubernetes
  const lists = await Promise.all(
    KINDS.map(async ([apiVersion, kind]) => {
      const question = cluster.objects.list(apiVersion, kind, namespace)
      const { items } = await ask(cluster, `${kind}s in the namespace ${namespace}`, question)
      // Items of a list do not say what they are.
      return items.map(item => ({ ...item, apiVersion, kind }))
    }),
  )
  return lists.flat()
}
