import { Failure } from '../../infra/failure.ts'
import type { ModelArgs } from '../../infra/resources.ts'
import { describeSource } from '../../infra/settings/model-definition.ts'
import { formatBytes, formatDuration } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { deriveModel } from './derived-model.ts'
import { isComplete } from './file-defects.ts'
import { withMade } from './lock-entry.ts'
import { type Locks, madeOf, readLocks, TRACKED_LOCK, writeLock } from './locks.ts'
import { type ModelJob, type ModelRequest, sourcesOf } from './model-job.ts'
import { type ObtainedModel, obtainModel } from './obtain/obtain-model.ts'
import { adopt, transferFromFirst } from './obtain/transfer.ts'
import { type OllamaAddress, OllamaStore } from './ollama-store.ts'

export interface ProvisionedModel extends Pick<ObtainedModel, 'source' | 'lockedBy'> {
  name: string
  serves: string
  /** sha256 of the manifests of both names on this server, in hex, as `/api/tags` shows them. */
  digest: string
  servesDigest: string
  sizeBytes: number
  changed: boolean
}

/** `obtained, 258 MiB from library` */
export const describeProvisioned = ({ changed, source, sizeBytes }: ProvisionedModel): string =>
  `${changed ? 'obtained' : 'there'}, ${formatBytes(sizeBytes)} from ${source}`

/** Provisions a model as the stack asks for it, held to the tracked lock and to the stack's own record. */
export async function provisionFromArgs(args: ModelArgs, task: Task): Promise<ProvisionedModel> {
  return provisionModel(args, args.ollama, await readLocks(args.lockRecord), task)
}

/** Obtains a model anew and writes what is seen into the tracked lock file; see lockModel. */
export async function lockFromArgs(args: ModelArgs, task: Task): Promise<string> {
  return lockModel(args, args.ollama, await readLocks(args.lockRecord), task)
}

/**
 * Sees to it that a server has a model, verified and held to the locks, and the derived model that requests use.
 * What is there already is looked at and left alone.
 * @throws Failure `refused` when the model is not what the locks say; `unavailable` when the server, every
 *   source, the disk or the time does not allow it
 */
export function provisionModel(
  request: ModelRequest,
  server: OllamaAddress,
  locks: Locks,
  task: Task,
): Promise<ProvisionedModel> {
  return runJob(request, server, locks, task, async job => {
    const { installed, changed, ...origin } = await obtainModel(job)
    const derived = await deriveModel(job)
    return {
      name: request.definition.name,
      serves: request.serves,
      digest: installed.digest,
      servesDigest: derived.installed.digest,
      sizeBytes: installed.sizeBytes,
      changed: changed || derived.changed,
      ...origin,
    }
  })
}

/**
 * Obtains a model from its sources, whatever is there and the locks say, and writes the tracked lock file.
 * @returns the source that it came from, as the lock file names it
 */
export function lockModel(
  request: ModelRequest,
  server: OllamaAddress,
  locks: Locks,
  task: Task,
  trackedFile = TRACKED_LOCK,
): Promise<string> {
  return runJob(request, server, locks, task, async job => {
    const { name } = request.definition
    const transferred = await transferFromFirst(sourcesOf(request), job)
    await adopt(transferred, job)
    const source = describeSource(transferred.source)
    const made = await madeOf(name, transferred.installed, job.store)
    const { files } = transferred
    const version = await job.store.version()
    await writeLock(trackedFile, name, source, before =>
      files === undefined ? made : withMade(before, version, made, files),
    )
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
  server: OllamaAddress,
): Promise<{ digest: string; servesDigest: string; sizeBytes: number } | undefined> {
  const store = new OllamaStore(server, new AbortController().signal)
  try {
    const base = await store.find(name)
    const derived = await store.find(serves)
    if (!base || !derived) return undefined
    if (!(await isComplete(base, store)) || !(await isComplete(derived, store))) return undefined
    return { digest: base.digest, servesDigest: derived.digest, sizeBytes: base.sizeBytes }
  } finally {
    await store.close()
  }
}

/**
 * Does a request's work with the store of its server, which must be over at its deadline.
 * @throws Failure `unavailable` that says how far it was when the time was over
 */
async function runJob<Result>(
  request: ModelRequest,
  server: OllamaAddress,
  locks: Locks,
  { report, signal }: Task,
  work: (job: ModelJob) => Promise<Result>,
): Promise<Result> {
  const { definition, deadline } = request
  const limit = AbortSignal.timeout(deadline)
  let last = 'nothing had come yet'
  const task: Task = {
    signal: AbortSignal.any([signal, limit]),
    report(text) {
      last = text
      report(text)
    },
  }
  const store = new OllamaStore(server, task.signal, deadline)
  try {
    return await work({ ...request, store, locks, task })
  } catch (error) {
    signal.throwIfAborted()
    if (!limit.aborted) throw error
    throw new Failure(
      'unavailable',
      `${definition.name} was not there after ${formatDuration(deadline)}: ${last}`,
      {
        mend: 'run it again, which goes on from there, or raise knowledge-stack:pullDeadlineMinutes',
        cause: error,
      },
    )
  } finally {
    await store.close()
  }
}
