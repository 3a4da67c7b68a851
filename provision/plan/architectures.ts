import { type ModelManifest, readManifest } from '../../checks/models/model-files.ts'
import { type Architecture, isSound } from '../../infra/capacity/model/architecture.ts'
import { catalogArchitecture } from '../../infra/capacity/stack-plan.ts'
import { Failure } from '../../infra/failure.ts'
import { localPaths, lockRecordOf } from '../../infra/settings/home-paths.ts'
import type { ModelDefinition, ModelSource } from '../../infra/settings/model-definition.ts'
import type { PlannedModel, Settings } from '../../infra/settings/parse-settings.ts'
import { architectureIn } from '../models/gguf-file.ts'
import { expectedFrom, type Locks, readLocks } from '../models/locks.ts'
import { sourcesOf } from '../models/model-job.ts'
import { readSource } from '../models/read-source.ts'

/** Whether models that are not here yet may be asked for at their sources. */
export type FigureSources = 'sources' | 'here'

/**
 * The figures of a stack's models, the best that can be had of each: of the file that is in the stack's store,
 * as they were recorded when it came in, or read again; from its source, where that may be asked; from the lock; from the catalog.
 * @throws Failure for a model that none of these knows
 */
export async function architecturesOf(
  settings: Settings,
  from: FigureSources,
): Promise<(model: ModelDefinition) => Architecture> {
  const locks = await readLocks(lockRecordOf(settings.home))
  const store = localPaths(settings.home).models
  const found = new Map<string, Architecture>()
  for (const model of settings.models) {
    const { definition } = model
    const sources = sourcesOf({ definition, mirror: settings.modelMirror })
    const installed = await readManifest(store, definition.name)
    found.set(
      definition.name,
      (installed &&
        (onRecord(definition.name, installed, locks) ??
          (await architectureIn(installed.layers, store)))) ??
        (from === 'sources' ? await askSources(definition.name, sources) : undefined) ??
        lockedOrListed(model, sources, locks),
    )
  }
  return ({ name }) => found.get(name)!
}

/** As it was read when the model came in: of the very file that the store has. */
function onRecord(model: string, { layers }: ModelManifest, locks: Locks) {
  const entries = [locks.recorded[model], locks.tracked[model]].flatMap(of =>
    Object.values(of ?? {}),
  )
  return entries
    .map(({ architecture }) => architecture)
    .find(known => known && isSound(known) && layers.some(({ digest }) => digest === known.source))
}

/** From the first source that answers; a source that does not is one that a pull would skip as well. */
async function askSources(model: string, sources: readonly ModelSource[]) {
  for (const source of sources) {
    try {
      const architecture = await readSource(source, model)
      if (architecture !== undefined) return architecture
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }
  return undefined
}

/** Which source will serve is not known yet, and their files differ: the largest of what it may turn out to be. */
function lockedOrListed(
  { definition, architecture }: PlannedModel,
  sources: readonly ModelSource[],
  locks: Locks,
): Architecture {
  const locked = sources
    .flatMap(source => expectedFrom(source, definition.name, locks)?.entry.architecture ?? [])
    .filter(isSound)
  const isListed = architecture !== undefined || definition.figures !== undefined
  const listed =
    locked.length < sources.length && (isListed || locked.length === 0)
      ? [architecture ?? catalogArchitecture(definition)]
      : []
  return [...locked, ...listed].reduce((a, b) => (b.fileBytes > a.fileBytes ? b : a))
}
