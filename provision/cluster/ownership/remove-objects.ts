import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesObject } from '@kubernetes/client-node'
import { Failure } from '../../../infra/failure.ts'
import { formatDuration, type Millis, minutes, seconds } from '../../../infra/units.ts'
import { askIfThere, type Cluster } from '../cluster-client.ts'
import { mounts, workloadOf } from '../pods.ts'
import { objectName } from './owned-objects.ts'

/** Longer than any pod of a stack is given to end. */
const GONE_WITHIN: Millis = minutes(4)
const LOOK_EVERY: Millis = seconds(0.5)

/**
 * Deletes objects with all that they own, and sees that they are gone: one that has pods is there for as long as they.
 * @throws Failure `unavailable` that names what is still there when the time is over, and what holds it
 */
export async function removeObjects(
  objects: readonly KubernetesObject[],
  cluster: Cluster,
  within: Millis = GONE_WITHIN,
): Promise<void> {
  await Promise.all(objects.map(object => askForEnd(object, cluster)))
  const deadline = Date.now() + within
  for (let left = objects; ; await sleep(LOOK_EVERY)) {
    left = (await Promise.all(left.map(object => ifThere(object, cluster)))).flat()
    if (left.length === 0) return
    if (Date.now() > deadline) throw await stillThere(left, within, cluster)
  }
}

/** One that is gone, or is another of the same name by now, is no error. */
async function askForEnd(object: KubernetesObject, cluster: Cluster): Promise<void> {
  // In the body, beside which the query is not heard: of a Job, the pods would stay otherwise.
  const options = {
    propagationPolicy: 'Foreground',
    preconditions: { uid: object.metadata?.uid },
  }
  const none = undefined
  await askIfThere(
    cluster,
    `the end of ${objectName(object)}`,
    cluster.objects.delete(object, none, none, none, none, none, options),
    [404, 409],
  )
}

async function ifThere(object: KubernetesObject, cluster: Cluster): Promise<KubernetesObject[]> {
  const { apiVersion, kind, metadata } = object
  const { name = '', namespace = '', uid } = metadata ?? {}
  const question = cluster.objects.read({ apiVersion, kind, metadata: { name, namespace } })
  const found = await askIfThere(cluster, objectName(object), question)
  return found !== undefined && found.metadata?.uid === uid ? [found] : []
}

async function stillThere(objects: readonly KubernetesObject[], within: Millis, { core }: Cluster) {
  const held = objects.map(async object => {
    const { namespace = '', finalizers = [] } = object.metadata ?? {}
    const { items } = await core.listNamespacedPod({ namespace })
    const pods = items.filter(pod => workloadOf(pod) === objectName(object) || mounts(pod, object))
    const names = pods.map(
      ({ metadata, spec }) => `pod ${metadata?.name} on node ${spec?.nodeName ?? 'none'}`,
    )
    return `${objectName(object)} (${[...names, ...finalizers].join(', ')})`
  })
  return new Failure(
    'unavailable',
    `Still there ${formatDuration(within)} after they were deleted: ${(await Promise.all(held)).join('; ')}`,
    { mend: 'see what holds them (kubectl describe), then run this command again' },
  )
}
