import { describeSource } from '../../infra/settings/models.ts'
import type { Task } from '../progress.ts'
import { withinDeadline } from './deadline.ts'
import { serveDerived } from './derive.ts'
import { findOrObtain } from './find-or-obtain.ts'
import { type Locks, writeTrackedLock } from './lock.ts'
import { adopt, entryOf, firstArrival, type ObtainedModel } from './obtain-model.ts'
import { findInstalled, type OllamaStore } from './provisioning-client.ts'
import { deliveryOf, derivationOf, type ModelRequest, sourcesOf } from './request.ts'
import { isComplete } from './verify-files.ts'

export type { OllamaStore } from './provisioning-client.ts'
export type { ModelRequest } from './request.ts'

export interface ProvisionedModel extends Pick<ObtainedModel, 'source' | 'lockedBy'> {
  name: string
  serves: string
  /** sha256 of the manifests of both names on this server, in hex, as `/api/tags` shows them. */
  digest: string
  servesDigest: string
  sizeBytes: number
  changed: boolean
}

/**
 * Sees to it that a server has a model, verified and held to the locks, and the derived model that requests use.
 * What is there already is looked at and left alone.
 * @throws Failure `refused` when the model is not what the locks say; `unavailable` when the server, every
 *   source, the disk or the time does not allow it
 */
export async function provisionModel(
  request: ModelRequest,
  server: OllamaStore,
  locks: Locks,
  task: Task,
): Promise<ProvisionedModel> {
  const { definition, serves, deadline } = request
  return withinDeadline(definition.name, deadline, task, async task => {
    const {
      installed,
      pulled: brought,
      ...origin
    } = await findOrObtain(request, server, locks, task)
    const derived = await serveDerived(derivationOf(request, locks), server, task)
    return {
      name: definition.name,
      serves,
      digest: installed.digest,
      servesDigest: derived.installed.digest,
      sizeBytes: installed.sizeBytes,
      changed: brought || derived.changed,
      ...origin,
    }
  })
}

/**
 * Brings a model in as provisionModel does, but whatever the locks say, and writes the tracked lock file.
 * @returns the source that it came from, as the lock file names it
 */
export async function lockModel(
  request: ModelRequest,
  server: OllamaStore,
  locks: Locks,
  task: Task,
  trackedFile?: string,
): Promise<string> {
  const { name } = request.definition
  return withinDeadline(name, request.deadline, task, async task => {
    const delivery = deliveryOf(request, locks)
    const arrival = await firstArrival(sourcesOf(request), delivery, server, task)
    await adopt(arrival, name, server, task.signal)
    const source = describeSource(arrival.source)
    const entry = await entryOf(name, arrival.installed, server, task.signal)
    await writeTrackedLock(name, source, entry, trackedFile)
    return source
  })
}

/**
 * Looks for a provisioned model, for a refresh.
 * @returns undefined when either name is gone, or a file of the model is missing or cut short
 * @throws Failure `unavailable` when the server does not answer
 */
export async function findProvisioned(
  { name, serves }: { name: string; serves: string },
  server: OllamaStore,
): Promise<{ digest: string; servesDigest: string; sizeBytes: number } | undefined> {
  const { signal } = new AbortController()
  const base = await findInstalled(name, server, signal)
  const derived = await findInstalled(serves, server, signal)
  if (!base || !derived) return undefined
  if (!(await isComplete(base, server)) || !(await isComplete(derived, server))) return undefined
  return { digest: base.digest, servesDigest: derived.digest, sizeBytes: base.sizeBytes }
}
