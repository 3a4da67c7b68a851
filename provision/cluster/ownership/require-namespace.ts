import type { KubernetesObject } from '@kubernetes/client-node'
import { Failure } from '../../../infra/failure.ts'
import { OBJECT_OWNER_LABEL } from '../../../infra/kubernetes/kubernetes-names.ts'
import type { Owner } from '../../../infra/ownership/owner.ts'
import type { Settings } from '../../../infra/settings/parse-settings.ts'
import { type Claim, STATE_LOST } from '../../ownership/claim.ts'
import { askIfThere, type Cluster } from '../cluster-client.ts'
import { podsIn } from '../pods.ts'
import { othersIn } from './others.ts'
import { isOfStacks } from './owned-kinds.ts'
import { objectName } from './owned-objects.ts'
import { removeObjects } from './remove-objects.ts'

const MEND =
  "choose another: knowledge-stack:kubernetes.namespace; or share it, so that nothing but the stack's own is touched: knowledge-stack:kubernetes.sharedNamespace true"

/**
 * Requires that the namespace was made for the stack, or that a setting says that it is shared.
 * @param objects all of the namespace that are of the kinds which a stack makes
 * @throws Failure `misused` where it is somebody else's, or others use what an older version took for its own
 */
export async function requireOwnNamespace(
  { stack, kubernetes }: Settings,
  claim: Claim,
  objects: readonly KubernetesObject[],
  isOurs: (object: KubernetesObject) => boolean,
  cluster: Cluster,
): Promise<void> {
  const { namespace: name, sharedNamespace } = kubernetes
  const found = await readNamespace(name, cluster)
  if (sharedNamespace) {
    if (found !== undefined) return
    throw new Failure(
      'misused',
      `knowledge-stack:kubernetes.sharedNamespace is true, and there is no namespace ${name}`,
      { mend: `kubectl create namespace ${name}, or leave the setting out: the stack makes one` },
    )
  }
  if (found === undefined) return
  const owner = found.metadata?.labels?.[OBJECT_OWNER_LABEL]
  if (owner === claim.id) return
  if (owner !== undefined) {
    throw new Failure(
      'misused',
      `The namespace ${name} is that of another deployment (owner ${owner}) than this stack ${stack} (owner ${claim.id})`,
      { mend: `${MEND}. ${STATE_LOST}` },
    )
  }
  const isProven = claim.knows(found.metadata?.uid ?? '') || (claim.older && objects.some(isOurs))
  const users = isProven ? await usersOf(name, objects, cluster) : []
  if (isProven && users.length === 0) return
  const why = isProven ? `others use it too: ${users.join(', ')}` : `stack ${stack} did not make it`
  throw new Failure('misused', `The namespace ${name} is there, and ${why}`, { mend: MEND })
}

const readNamespace = (name: string, cluster: Cluster) =>
  askIfThere(cluster, `the namespace ${name}`, cluster.core.readNamespace({ name }))

const RUN_OR_KEPT = new Set(['StatefulSet', 'Deployment', 'Job', 'PersistentVolumeClaim'])

/** What somebody else runs or keeps in the namespace: Secrets for the stack and rules of the cluster are no use of it. */
async function usersOf(namespace: string, objects: readonly KubernetesObject[], cluster: Cluster) {
  const pods = (await podsIn(namespace, cluster)).map(pod => ({ ...pod, kind: 'Pod' }))
  return [...objects.filter(({ kind }) => RUN_OR_KEPT.has(kind!)), ...pods]
    .filter(({ metadata }) => !isOfStacks(metadata?.labels))
    .map(objectName)
}

/**
 * Deletes the namespace where the stack made it and nothing but the stack's own is left in it.
 * @returns what stays for what reason, for people; nothing where the namespace is gone
 */
export async function endNamespace(
  { kubernetes: { namespace: name, sharedNamespace } }: Settings,
  { id }: Owner,
  cluster: Cluster,
): Promise<string[]> {
  const found = sharedNamespace ? undefined : await readNamespace(name, cluster)
  if (found === undefined) return []
  if (id === undefined || found.metadata?.labels?.[OBJECT_OWNER_LABEL] !== id) {
    return [`the namespace ${name} (it does not say that the stack made it)`]
  }
  const others = await othersIn(name, cluster)
  if (others.length > 0) return [`the namespace ${name} with ${others.join(', ')}`]
  try {
    await removeObjects([{ ...found, apiVersion: 'v1', kind: 'Namespace' }], cluster)
    return []
  } catch (error) {
    // Who may make namespaces may not be let delete them.
    if (error instanceof Failure && error.kind === 'misused') return [`the namespace ${name}`]
    throw error
  }
}
