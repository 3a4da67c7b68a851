import { Failure } from '../../../infra/failure.ts'
import { describeSource, type ModelSource } from '../../../infra/settings/model-definition.ts'
import { describeDefects, findDefects, removeDefects } from '../file-defects.ts'
import {
  ALREADY_THERE,
  expectedFrom,
  identify,
  isSame,
  type LockEntry,
  type LockedBy,
  lockEntryOf,
  recognise,
  writeLock,
} from '../locks.ts'
import { type ModelJob, sourcesOf } from '../model-job.ts'
import type { Installed } from '../ollama-store.ts'
import { adopt, transferFromFirst } from './transfer.ts'

/** A model under its own name, and what it was held to. */
export interface ObtainedModel {
  installed: Installed
  /** describeSource, or ALREADY_THERE. */
  source: string
  /** Whether it came just now. */
  changed: boolean
  /** `first seen` has been recorded. */
  lockedBy: LockedBy | 'first seen'
}

/**
 * The model, as it is there or from the first of its sources that has it.
 * @throws Failure `refused` when it is not what it was before; it is removed again
 * @throws Failure `unavailable` with the reason of each source when none has it
 */
export async function obtainModel(job: ModelJob): Promise<ObtainedModel> {
  const { store, locks, task } = job
  const { name } = job.definition
  const sources = sourcesOf(job)
  const present = await store.find(name)
  if (!present) return obtainFrom(sources, job)

  const defects = await findDefects(present, job)
  const known = recognise(name, await identify(name, present, store), sources, locks)
  if (defects.length > 0) {
    task.report(`${describeDefects(defects)}: obtaining it again`)
    await removeDefects(defects)
  } else if (known) {
    return { installed: present, ...known, changed: false }
  }
  try {
    return await obtainFrom(inOrder(sources, known?.source), job)
  } catch (error) {
    const isSound = defects.length === 0
    const isLocked = sources.some(source => expectedFrom(source, name, locks))
    if (!isUnavailable(error) || !isSound || isLocked) throw error
    return acceptPresent(present, job)
  }
}

/** Obtains a model from the first source that has it, and holds it to the locks. */
async function obtainFrom(sources: ModelSource[], job: ModelJob): Promise<ObtainedModel> {
  const { store, locks, task } = job
  const transferred = await transferFromFirst(sources, job)
  const { name, installed } = transferred
  const model = job.definition.name
  const source = describeSource(transferred.source)
  const expected = expectedFrom(transferred.source, model, locks)
  if (expected === undefined) {
    task.report(`${source} is seen for the first time: recording its digest`)
    const entry = await lockEntryOf(name, installed, store)
    await writeLock(locks.recordFile, model, source, entry)
  } else {
    const seen = await identify(name, installed, store)
    if (!isSame(expected.entry, seen, transferred.source)) {
      await store.delete(name)
      throw refused(`${model} from ${source}`, expected, seen.digest, locks.recordFile)
    }
  }
  await adopt(transferred, job)
  return { installed, source, lockedBy: expected?.by ?? 'first seen', changed: true }
}

/** No source can be had, but a sound model is there and no lock speaks against it. */
async function acceptPresent(installed: Installed, job: ModelJob): Promise<ObtainedModel> {
  const { store, locks, task } = job
  const { name } = job.definition
  task.report(`${name} is ${ALREADY_THERE}: recording its digest`)
  const entry = await lockEntryOf(name, installed, store)
  await writeLock(locks.recordFile, name, ALREADY_THERE, entry)
  return { installed, source: ALREADY_THERE, lockedBy: 'first seen', changed: false }
}

/** A damaged model is mended from where it came. */
function inOrder(sources: ModelSource[], first: string | undefined): ModelSource[] {
  const came = sources.filter(source => describeSource(source) === first)
  return [...came, ...sources.filter(source => !came.includes(source))]
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof Failure && error.kind === 'unavailable'

function refused(
  what: string,
  { entry, by }: { entry: LockEntry; by: LockedBy },
  seen: string,
  recordFile: string,
): Failure {
  const where = by === 'lock' ? 'infra/models.lock.json' : recordFile
  return new Failure(
    'refused',
    `${what} is not what it was: ${where} has ${entry.digest}, seen is ${seen}`,
    { mend: 'if the change is wanted: npm run models -- --write-lock' },
  )
}
