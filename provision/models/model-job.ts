import type { ModelDefinition, ModelSource } from '../../infra/settings/model-definition.ts'
import type { Millis } from '../../infra/units.ts'
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
}: Pick<ModelRequest, 'mirror'> & {
  definition: Pick<ModelDefinition, 'sources'>
}): ModelSource[] {
  return definition.sources.flatMap(source =>
    source.kind === 'library' && mirror ? [{ kind: 'mirror' as const, ...mirror }, source] : source,
  )
}
