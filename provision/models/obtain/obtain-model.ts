import { Failure } from '../../../infra/failure.ts'
import { describeSource, type ModelSource } from '../../../infra/settings/model-definition.ts'
import { describeDefects, findDefects, removeDefects } from '../file-defects.ts'
import { areLocked, type LockEntry, type Made, madeBy, withMade } from '../lock-entry.ts'
import {
  ALREADY_THERE,
  expectedFrom,
  identify,
  isSame,
  type LockedBy,
  madeOf,
  recognise,
  writeLock,
} from '../locks.ts'
import { type ModelJob, sourcesOf } from '../model-job.ts'
import type { Installed } from '../ollama-store.ts'
import { adopt, type TransferredModel, transferFromFirst } from './transfer.ts'

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
  const { locks } = job
  const transferred = await transferFromFirst(sources, job)
  const { installed } = transferred
  const model = job.definition.name
  const source = describeSource(transferred.source)
  const expected = expectedFrom(transferred.source, model, locks)
  const held = expected && (await holdTo(expected, transferred, job))
  if (held === undefined) await recordSeen(transferred, source, job)
  await adopt(transferred, job)
  return { installed, source, lockedBy: expected?.by ?? 'first seen', changed: true }
}

/**
 * Holds what came to what is expected of it: the files that were downloaded, and what this Ollama makes of them.
 * @returns undefined when the files are the locked ones, and nobody has seen yet what this version makes of them
 * @throws Failure `refused` when they are others; the model is removed again
 */
async function holdTo(
  expected: { entry: LockEntry; by: LockedBy },
  { name, source, installed, files }: TransferredModel,
  { store, locks, definition }: ModelJob,
): Promise<Made | undefined> {
  const what = `${definition.name} from ${describeSource(source)}`
  const made = files === undefined ? expected.entry : madeBy(expected.entry, await store.version())
  const seen = await identify(name, installed, store)
  const isLocked = files === undefined || areLocked(expected.entry, files)
  if (isLocked && (made === undefined || isSame(made, seen, source))) return made
  await store.delete(name)
  const digest = made?.digest ?? expected.entry.digest
  throw refused(what, { digest, by: expected.by }, seen.digest, locks.recordFile)
}

/** Writes down what is seen for the first time: a model, or what an Ollama makes of files that are locked. */
async function recordSeen(transferred: TransferredModel, source: string, job: ModelJob) {
  const { store, locks, task, definition } = job
  const { name, installed, files } = transferred
  const made = await madeOf(name, installed, store)
  if (files === undefined) {
    task.report(`${source} is seen for the first time: recording its digest`)
    return writeLock(locks.recordFile, definition.name, source, () => made)
  }
  const version = await store.version()
  task.report(`what Ollama ${version} makes of ${source} is seen for the first time: recording it`)
  return writeLock(locks.recordFile, definition.name, source, before =>
    withMade(before, version, made, files),
  )
}

/** No source can be had, but a sound model is there and no lock speaks against it. */
async function acceptPresent(installed: Installed, job: ModelJob): Promise<ObtainedModel> {
  const { store, locks, task } = job
  const { name } = job.definition
  task.report(`${name} is ${ALREADY_THERE}: recording its digest`)
  const made = await madeOf(name, installed, store)
  await writeLock(locks.recordFile, name, ALREADY_THERE, () => made)
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
  { digest, by }: { digest: string; by: LockedBy },
  seen: string,
  recordFile: string,
): Failure {
  const where = by === 'lock' ? 'infra/models.lock.json' : recordFile
  return new Failure(
    'refused',
    `${what} is not what it was: ${where} has ${digest}, seen is ${seen}`,
    { mend: 'if the change is wanted: npm run models -- --write-lock' },
  )
}
