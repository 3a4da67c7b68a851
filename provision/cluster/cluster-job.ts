import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesObject, V1Job, V1Pod } from '@kubernetes/client-node'
import { Failure } from '../../infra/failure.ts'
import { OBJECT_OWNER_LABEL, objectLabels } from '../../infra/kubernetes/kubernetes-names.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Millis, minutes, seconds } from '../../infra/units.ts'
import { refuseForeign } from '../ownership/claim.ts'
import { ownerOf } from '../ownership/home-owner.ts'
import type { Task } from '../progress.ts'
import { ask, askIfThere, type Cluster } from './cluster-client.ts'
import { objectName } from './ownership/owned-objects.ts'
import { removeObjects } from './ownership/remove-objects.ts'
import { podsIn } from './pods.ts'

/** Its image is on the node, or comes from where that of the API came from. */
const STARTED_WITHIN: Millis = minutes(5)
const LOOK_EVERY: Millis = seconds(1)

/** A Job that a command makes, waits for and deletes. */
export interface ClusterJob {
  name: string
  /** What its objects are called by, as their label. */
  kind: string
  /** Of its pods. */
  template: object
  /** Texts of a Secret of the Job's own name, by file. */
  secret?: Record<string, string>
  /** Tries beyond the first. */
  retries?: number
  /** How long it may run; as long as it takes when absent. */
  within?: Millis
}

/**
 * Runs a Job in a stack's namespace to its end. What a command that was killed has left of one of this name is deleted
 * before, and all that this one makes afterwards, also when it is interrupted.
 * @returns the log of its last pod; what the cluster says of that where it has none
 * @throws Failure `unavailable` when it does not start, or does not end in time
 */
export async function runClusterJob(
  settings: Settings,
  cluster: Cluster,
  job: ClusterJob,
  { report, signal }: Task,
): Promise<string> {
  const { namespace } = settings.kubernetes
  const { id } = await ownerOf(settings)
  const labels = {
    ...objectLabels(job.kind),
    ...(id !== undefined && { [OBJECT_OWNER_LABEL]: id }),
  }
  const metadata = { name: job.name, namespace, labels }
  const spec = { backoffLimit: job.retries ?? 0, template: job.template }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: job.secret }
  const runs = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec }
  const objects = [...(job.secret === undefined ? [] : [secret]), runs]
  const there = await thoseThere(objects, cluster)
  const foreign = there.filter(({ metadata }) => metadata?.labels?.[OBJECT_OWNER_LABEL] !== id)
  refuseForeign(
    settings.stack,
    foreign.map(object => `${objectName(object)} in the namespace ${namespace}`),
    'wait until it is gone, or have its owner take it away',
  )
  await removeObjects(there, cluster)
  const made: KubernetesObject[] = []
  try {
    for (const object of objects) {
      made.push(await ask(cluster, `a new ${object.kind}`, cluster.objects.create(object)))
    }
    const pod = await finished(job, namespace, cluster, { report, signal })
    // One that the node did not take has none.
    return (await logOf(pod, cluster)) || (whyNot(pod) ?? '')
  } finally {
    await removeObjects(made, cluster)
  }
}

type Named = KubernetesObject & { metadata: { name: string; namespace: string } }

async function thoseThere(objects: readonly Named[], cluster: Cluster) {
  const found = objects.map(object =>
    askIfThere(cluster, `a ${object.kind} of an earlier time`, cluster.objects.read(object)),
  )
  return (await Promise.all(found)).filter(object => object !== undefined)
}

const logOf = ({ metadata }: V1Pod, { core }: Cluster, tailLines?: number): Promise<string> =>
  core
    .readNamespacedPodLog({
      name: metadata!.name!,
      namespace: metadata!.namespace!,
      ...(tailLines !== undefined && { tailLines }),
    })
    .catch(() => '')

/** What the cluster says of a pod that does not run as it should. */
function whyNot({ status }: V1Pod): string | undefined {
  const { reason, message, containerStatuses = [] } = status ?? {}
  const waiting = containerStatuses.map(({ state }) => state?.waiting ?? state?.terminated)
  const said = [{ reason, message }, ...waiting].map(each =>
    [each?.reason, each?.message].filter(Boolean).join(': '),
  )
  return said.find(text => text !== '')
}

/** @returns the last of its pods, once none will come any more */
async function finished(
  { name, retries = 0, within = Number.POSITIVE_INFINITY }: ClusterJob,
  namespace: string,
  cluster: Cluster,
  { report, signal }: Task,
): Promise<V1Pod> {
  const began = Date.now()
  for (;;) {
    const pods = (await podsIn(namespace, cluster, `job-name=${name}`)).sort(byAge)
    const pod = pods.at(-1)
    const { phase } = pod?.status ?? {}
    if (pod !== undefined && phase === 'Succeeded') return pod
    if (pod !== undefined && phase === 'Failed') {
      if (retries === 0 || (await hasFailed(name, namespace, cluster))) return pod
    }
    if (pod !== undefined && phase === 'Running') {
      const line = (await logOf(pod, cluster, 1)).trim()
      if (line !== '') report(line)
    }
    const why = pod === undefined ? undefined : whyNot(pod)
    const mayTake = phase === 'Running' || phase === 'Failed' ? within : STARTED_WITHIN
    if (Date.now() - began > mayTake) {
      throw new Failure(
        'unavailable',
        `The Job ${name} in ${namespace} ${phase === 'Running' ? 'does not end' : 'does not start'}${why ? `: ${why}` : ''}`,
        {
          mend: `see why, while this runs again: kubectl -n ${namespace} describe job,pod -l job-name=${name}`,
        },
      )
    }
    await sleep(LOOK_EVERY, undefined, { signal })
  }
}

const byAge = (a: V1Pod, b: V1Pod): number =>
  Number(a.metadata?.creationTimestamp) - Number(b.metadata?.creationTimestamp)

async function hasFailed(name: string, namespace: string, cluster: Cluster): Promise<boolean> {
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace } }
  const { status } = (await ask(cluster, `the Job ${name}`, cluster.objects.read(job))) as V1Job
  return (status?.conditions ?? []).some(
    ({ type, status }) => type === 'Failed' && status === 'True',
  )
}
