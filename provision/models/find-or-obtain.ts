import { Failure } from '../../infra/failure.ts'
import { describeSource, type ModelSource } from '../../infra/settings/models.ts'
import type { Task } from '../progress.ts'
import { expectedFrom, type Locks, recordLock } from './lock.ts'
import { entryOf, type ObtainedModel, obtainModel } from './obtain-model.ts'
import { findInstalled, type Installed, type OllamaStore } from './provisioning-client.ts'
import { ALREADY_THERE, identify, recognise } from './recognise.ts'
import { deliveryOf, type ModelRequest, sourcesOf } from './request.ts'
import { describeDefects, findDefects, removeDefects } from './verify-files.ts'

/**
 * The model, as it is there or from its sources.
 * @throws Failure as bringIn does
 */
export async function findOrObtain(
  request: ModelRequest,
  server: OllamaStore,
  locks: Locks,
  task: Task,
): Promise<ObtainedModel> {
  const { name } = request.definition
  const sources = sourcesOf(request)
  const delivery = deliveryOf(request, locks)
  const present = await findInstalled(name, server, task.signal)
  if (!present) return obtainModel(sources, delivery, server, locks, task)

  const defects = await findDefects(present, delivery.hashes, server, task)
  const known = recognise(name, await identify(name, present, server, task.signal), sources, locks)
  if (defects.length > 0) {
    task.report(`${describeDefects(defects)}: bringing it again`)
    await removeDefects(defects)
  } else if (known) {
    return { installed: present, ...known, pulled: false }
  }
  try {
    return await obtainModel(inOrder(sources, known?.source), delivery, server, locks, task)
  } catch (error) {
    const isSound = defects.length === 0
    const isLocked = sources.some(source => expectedFrom(source, name, locks))
    if (!isUnavailable(error) || !isSound || isLocked) throw error
    return acceptPresent(name, present, server, locks, task)
  }
}

/** No source can be had, but a sound model is there and no lock speaks against it. */
async function acceptPresent(
  name: string,
  installed: Installed,
  server: OllamaStore,
  locks: Locks,
  task: Task,
): Promise<ObtainedModel> {
  task.report(`${name} is ${ALREADY_THERE}: recording its digest`)
  const entry = await entryOf(name, installed, server, task.signal)
  await recordLock(locks, name, ALREADY_THERE, entry)
  return { installed, source: ALREADY_THERE, lockedBy: 'first seen', pulled: false }
}

/** A damaged model is mended from where it came. */
function inOrder(sources: ModelSource[], first: string | undefined): ModelSource[] {
  const came = sources.filter(source => describeSource(source) === first)
  return [...came, ...sources.filter(source => !came.includes(source))]
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof Failure && error.kind === 'unavailable'
