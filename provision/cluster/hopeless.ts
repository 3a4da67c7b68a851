import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { Failure, readMarked } from '../../infra/failure.ts'
import { type Millis, minutes } from '../../infra/units.ts'

/** The end of a container's log. */
export type ReadLog = (pod: string, container: string) => Promise<string>

/** What a node says of a container whose image will not come by waiting. */
const NO_IMAGE = new Set(['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'])
/** Starts that ended at once: Kubernetes tries again for ever. */
const RESTARTS = 3
/** A pod from before the update may be about to be replaced by it. */
const LET_BE: Millis = minutes(1)

/**
 * Why waiting for these pods is in vain: an image that cannot be pulled, a container that ends again and again, or
 * what a container says of itself in the last line of its log (markedLine in infra/failure.ts).
 * @param since when the update began, and `now`, in Unix milliseconds
 * @returns undefined while there is hope
 */
export async function findHopeless(
  pods: readonly V1Pod[],
  readLog: ReadLog,
  { since, now }: { since: Millis; now: Millis },
): Promise<Failure | undefined> {
  for (const pod of pods) {
    const created = pod.metadata?.creationTimestamp?.getTime() ?? 0
    const isOlder = created < since - (created % 1000)
    if (pod.metadata?.deletionTimestamp || (isOlder && now - since < LET_BE)) continue
    if (isOlder && isJobs(pod)) continue
    for (const container of pod.status?.containerStatuses ?? []) {
      const failure = await failureOf(pod.metadata!.name!, container, readLog)
      if (failure !== undefined) return failure
    }
  }
  return undefined
}

const isJobs = ({ metadata }: V1Pod): boolean =>
  (metadata?.ownerReferences ?? []).some(({ kind }) => kind === 'Job')

async function failureOf(
  pod: string,
  { name, image, ready, restartCount, state, lastState }: V1ContainerStatus,
  readLog: ReadLog,
): Promise<Failure | undefined> {
  const where = `Container ${name} of pod ${pod}`
  const { reason = '', message = '' } = state?.waiting ?? {}
  if (NO_IMAGE.has(reason)) {
    const why = message === '' ? reason : message
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
