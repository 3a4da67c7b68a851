import { Failure } from '../../infra/failure.ts'
import { describeSource, type ModelSource } from '../../infra/settings/models.ts'
import type { Task } from '../progress.ts'
import { type Arrival, bringFrom, type Delivery } from './arrival.ts'
import { architectureIn } from './gguf-file.ts'
import { expectedFrom, type LockEntry, type LockedBy, type Locks, recordLock } from './lock.ts'
import { ask, type Installed, type OllamaStore } from './provisioning-client.ts'
import { identify, isSame } from './recognise.ts'
import { SourceProblem } from './source-problem.ts'

/** A model under its own name, and what it was held to. */
export interface ObtainedModel {
  installed: Installed
  /** describeSource, or ALREADY_THERE. */
  source: string
  /** Whether it came just now. */
  pulled: boolean
  /** `first seen` has been recorded. */
  lockedBy: LockedBy | 'first seen'
}

/**
 * Brings a model in from the first source that has it, and holds it to the locks.
 * @throws Failure `refused` when it is not what it was before; it is removed again
 * @throws Failure `unavailable` with the reason of each source when none has it
 */
export async function obtainModel(
  sources: ModelSource[],
  delivery: Delivery,
  server: OllamaStore,
  locks: Locks,
  task: Task,
): Promise<ObtainedModel> {
  const { model } = delivery
  const arrival = await firstArrival(sources, delivery, server, task)
  const { source, name, installed } = arrival
  const expected = expectedFrom(source, model, locks)
  if (expected === undefined) {
    task.report(`${describeSource(source)} is seen for the first time: recording its digest`)
    const entry = await entryOf(name, installed, server, task.signal)
    await recordLock(locks, model, describeSource(source), entry)
  } else {
    const seen = await identify(name, installed, server, task.signal)
    if (!isSame(expected.entry, seen, source)) {
      await ask(server, task.signal, ollama => ollama.delete({ model: name }))
      throw refused(model, source, expected, seen.digest, locks)
    }
  }
  await adopt(arrival, model, server, task.signal)
  const lockedBy = expected?.by ?? 'first seen'
  return { installed, source: describeSource(source), lockedBy, pulled: true }
}

/** Goes through the sources until one delivers. */
export async function firstArrival(
  sources: ModelSource[],
  delivery: Delivery,
  server: OllamaStore,
  { report, signal }: Task,
): Promise<Arrival> {
  const reasons: string[] = []
  for (const source of sources) {
    const where = describeSource(source)
    const task: Task = { signal, report: text => report(`${where}: ${text}`) }
    try {
      return await bringFrom(source, delivery, server, task)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof SourceProblem)) throw error
      task.report(error.message)
      reasons.push(`${where}: ${error.message}`)
    }
  }
  throw new Failure(
    'unavailable',
    `${delivery.model} could not be brought in from any of its sources:\n  ${reasons.join('\n  ')}`,
    {
      mend: 'run it again, which goes on from what has come, or name a registry that has it: pulumi config set knowledge-stack:modelMirror <url>',
    },
  )
}

/** Gives an arrived model its own name: from a mirror it came under one with host and namespace. */
export async function adopt(
  { name }: Arrival,
  model: string,
  server: OllamaStore,
  signal: AbortSignal,
): Promise<void> {
  if (name === model) return
  await ask(server, signal, ollama => ollama.copy({ source: name, destination: model }))
  await ask(server, signal, ollama => ollama.delete({ model: name }))
}

/** What a lock holds of an installed model. */
export async function entryOf(
  name: string,
  installed: Installed,
  server: OllamaStore,
  signal: AbortSignal,
): Promise<LockEntry> {
  const { digest, layers } = await identify(name, installed, server, signal)
  const architecture = await architectureIn(layers, server.modelsFolder)
  return {
    digest,
    sizeBytes: installed.sizeBytes,
    layers,
    ...(architecture && { architecture }),
  }
}

function refused(
  model: string,
  source: ModelSource,
  { entry, by }: { entry: LockEntry; by: LockedBy },
  seen: string,
  { recordFile }: Locks,
): Failure {
  const where = by === 'lock' ? 'infra/models.lock.json' : recordFile
  return new Failure(
    'refused',
    `${model} from ${describeSource(source)} is not what it was: ${where} has ${entry.digest}, seen is ${seen}`,
    { mend: 'if the change is wanted: npm run models -- --write-lock' },
  )
}
