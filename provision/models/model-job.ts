import { Failure } from '../../infra/failure.ts'
import type { ModelDefinition, ModelSource } from '../../infra/settings/model-definition.ts'
import { formatDuration, type Millis } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import type { Locks } from './locks.ts'
import type { OllamaStore } from './ollama-store.ts'

/** A model that a deployment wants. */
export interface ModelRequest {
  definition: ModelDefinition
  /** The derived name that requests use: `smollm2:135m-ctx4096`. */
  serves: string
  /** Tokens, pinned in the derived model. */
  contextLength: number
  /** Tokens computed at a time, pinned when given. */
  batch?: number
  /** The stack's own registry: tried before the library, in its place in the order. */
  mirror?: { host: string; namespace: string; insecure?: boolean }
  /** For everything together. */
  deadline: Millis
  /** No new byte for so long is a stall; a minute when absent. */
  stall?: Millis
}

/** A request on its way: into which store, what the model is held to there, and who hears of it or ends it. */
export interface ModelJob extends ModelRequest {
  store: OllamaStore
  locks: Locks
  task: Task
}

/** Where a model may come from, in the order that is tried. */
export function sourcesOf({
  definition,
  mirror,
}: Pick<ModelRequest, 'definition' | 'mirror'>): ModelSource[] {
  return definition.sources.flatMap(source =>
    source.kind === 'library' && mirror ? [{ kind: 'mirror' as const, ...mirror }, source] : source,
  )
}

/**
 * Does a request's work, which must be over at its deadline.
 * @throws Failure `unavailable` that says how far it was when the time was over
 */
export async function withinDeadline<Result>(
  { definition: { name }, deadline }: ModelRequest,
  { report, signal }: Task,
  work: (task: Task) => Promise<Result>,
): Promise<Result> {
  const limit = AbortSignal.timeout(deadline)
  let last = 'nothing had come yet'
  const task: Task = {
    signal: AbortSignal.any([signal, limit]),
    report(text) {
      last = text
      report(text)
    },
  }
  try {
    return await work(task)
  } catch (error) {
    signal.throwIfAborted()
    if (!limit.aborted) throw error
    throw new Failure(
      'unavailable',
      `${name} was not there after ${formatDuration(deadline)}: ${last}`,
      {
        mend: 'run it again, which goes on from there, or raise knowledge-stack:pullDeadlineMinutes',
        cause: error,
      },
    )
  }
}
