import type { V1ContainerStatus, V1Pod, V1PodCondition } from '@kubernetes/client-node'
import { Failure, readMarked } from '../../infra/failure.ts'
import { type Millis, minutes } from '../../infra/units.ts'

/** The end of a container's log. */
export type ReadLog = (pod: string, container: string) => Promise<string>

/** What a node says of a container whose image will not come by waiting. */
const NO_IMAGE = new Set(['InvalidImageName', 'ErrImageNeverPull'])
/** What it says from the first failed pull on, while it tries again. */
const PULL_FAILED = new Set(['ErrImagePull', 'ImagePullBackOff'])
/** A registry that does not answer at once, or a node that is full until a pod has ended: it often passes. */
const OFTEN_PASSES: Millis = minutes(2)
/** Where settings describe the nodes, an autoscaler may bring them once there are pods for them. */
const NODES_COME: Millis = minutes(10)
/** Starts that ended at once: Kubernetes tries again for ever. */
const RESTARTS = 3
/** A pod from before the update may be about to be replaced by it. */
const LET_BE: Millis = minutes(1)

interface Moment {
  /** When the update began, in Unix milliseconds, as `now`. */
  since: Millis
  now: Millis
  /** Whether the settings describe the nodes, which may not be there yet. */
  nodesMayCome?: boolean
}

/**
 * Why waiting for these pods is in vain: no node takes one, an image cannot be pulled, a container ends again and again,
 * or what a container says of itself in the last line of its log (markedLine in infra/failure.ts).
 * @returns undefined while there is hope
 */
export async function findHopeless(
  pods: readonly V1Pod[],
  readLog: ReadLog,
  moment: Moment,
): Promise<Failure | undefined> {
  const { since, now } = moment
  for (const pod of pods) {
    const created = pod.metadata?.creationTimestamp?.getTime() ?? 0
    const isOlder = created < since - (created % 1000)
    if (pod.metadata?.deletionTimestamp || (isOlder && now - since < LET_BE)) continue
    if (isOlder && isJobs(pod)) continue
    const unscheduled = noNodeFor(pod, moment)
    if (unscheduled !== undefined) return unscheduled
    const containers = pod.status?.containerStatuses ?? []
    const unpulled = containers.filter(container => PULL_FAILED.has(waitsFor(container)))
    // Until its image is there, what the others of the pod say may be for want of it.
    if (unpulled.length > 0 && waitedSince(scheduled(pod), moment) < OFTEN_PASSES) continue
    for (const container of [...unpulled, ...containers]) {
      const failure = await failureOf(pod.metadata!.name!, container, readLog)
      if (failure !== undefined) return failure
    }
  }
  return undefined
}

const isJobs = ({ metadata }: V1Pod): boolean =>
  (metadata?.ownerReferences ?? []).some(({ kind }) => kind === 'Job')

const scheduled = ({ status }: V1Pod): V1PodCondition | undefined =>
  status?.conditions?.find(({ type }) => type === 'PodScheduled')

/** For how long a condition has been what it is, in this update. */
const waitedSince = (condition: V1PodCondition | undefined, { since, now }: Moment): Millis =>
  now - Math.max(since, condition?.lastTransitionTime?.getTime() ?? 0)

function noNodeFor(pod: V1Pod, moment: Moment): Failure | undefined {
  const condition = scheduled(pod)
  if (condition?.reason !== 'Unschedulable') return undefined
  const patience = moment.nodesMayCome ? NODES_COME : OFTEN_PASSES
  if (waitedSince(condition, moment) < patience) return undefined
  const { name, namespace } = pod.metadata ?? {}
  return new Failure('unavailable', `No node takes pod ${name}: ${condition.message ?? ''}`, {
    mend: `make room for it (kubectl -n ${namespace} describe pod ${name}), or ask for less: npm run plan`,
  })
}

/** The node's reason why it has not started yet; empty where it has. */
const waitsFor = ({ state }: V1ContainerStatus): string => state?.waiting?.reason ?? ''

async function failureOf(
  pod: string,
  container: V1ContainerStatus,
  readLog: ReadLog,
): Promise<Failure | undefined> {
  const { name, image, ready, restartCount, state, lastState } = container
  const where = `Container ${name} of pod ${pod}`
  const reason = waitsFor(container)
  if (NO_IMAGE.has(reason) || PULL_FAILED.has(reason)) {
    const why = state?.waiting?.message || reason
    return new Failure('unavailable', `${where}: its image ${image} cannot be pulled: ${why}`, {
      mend: 'see that the registry has it under this name (images, kubernetes.imagePullSecrets)',
    })
  }
  if (ready || state?.terminated?.exitCode === 0) return undefined
  const said = readMarked(lastLine(await readLog(pod, name)))
  if (said !== undefined) return new Failure(said.kind, `${where}: ${said.text}`)
  const ended = lastState?.terminated
  if (restartCount < RESTARTS || ended === undefined) return undefined
  const why = [ended.reason, ended.message?.trim()].filter(Boolean).join(': ')
  return new Failure('unavailable', `${where} ends again and again: ${why}`)
}

const lastLine = (log: string): string =>
  log
    .split('\n')
    .filter(line => readMarked(line) !== undefined)
    .at(-1) ?? ''
