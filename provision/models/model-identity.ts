import { type ManifestLayer, weightsAmong } from '../../checks/models/model-files.ts'
import { describeSource, type ModelSource } from '../../infra/settings/model-definition.ts'
import { architectureIn } from './gguf-file.ts'
import { expectedFrom, type LockEntry, type LockedBy, type Locks } from './locks.ts'
import { isFileSource } from './obtain/file-import.ts'
import { type Installed, type OllamaStore, weightsOf } from './ollama-store.ts'

/** In place of a source, for a model that was there before this project looked. */
export const ALREADY_THERE = 'already in the store'

/** What tells an installed model from another. */
export interface Identity {
  /** Manifest.digest where the folder can be read, else the digest that the server says. */
  digest: string
  /** Empty where the folder cannot be read. */
  layers: ManifestLayer[]
  /** Digests of the weights: `sha256:<hex>`. */
  weights: string[]
}

export async function identify(
  name: string,
  { digest, manifest }: Installed,
  store: OllamaStore,
): Promise<Identity> {
  if (manifest === undefined) {
    // A model that Ollama cannot show has lost its weights: it is like none that is known.
    const shown = await store.show(name).catch(() => undefined)
    return { digest, layers: [], weights: shown ? weightsOf(shown) : [] }
  }
  const { layers } = manifest
  return { digest: manifest.digest, layers, weights: weightDigests(layers) }
}

/** What a lock holds of an installed model. */
export async function lockEntryOf(
  name: string,
  installed: Installed,
  store: OllamaStore,
): Promise<LockEntry> {
  const { digest, layers } = await identify(name, installed, store)
  const architecture = await architectureIn(layers, store.modelsFolder)
  const { sizeBytes } = installed
  return { digest, sizeBytes, layers, ...(architecture && { architecture }) }
}

/** Whether a model is what a lock holds for its source. */
export function isSame(expected: LockEntry, seen: Identity, source?: ModelSource): boolean {
  if (seen.digest === expected.digest) return true
  // An imported model's own manifest holds the path of the server's folder. Where that cannot be read, only
  // the weights can be compared.
  const onlyWeights = source !== undefined && isFileSource(source) && seen.layers.length === 0
  return onlyWeights && sameSet(weightDigests(expected.layers), seen.weights)
}

/** The source that an installed model is locked to; undefined when it is none that the locks know. */
export function recognise(
  model: string,
  seen: Identity,
  sources: ModelSource[],
  locks: Locks,
): { source: string; lockedBy: LockedBy } | undefined {
  for (const source of sources) {
    const expected = expectedFrom(source, model, locks)
    if (expected && isSame(expected.entry, seen, source)) {
      return { source: describeSource(source), lockedBy: expected.by }
    }
  }
  const found = locks.recorded[model]?.[ALREADY_THERE]
  return found && isSame(found, seen) ? { source: ALREADY_THERE, lockedBy: 'recorded' } : undefined
}

const weightDigests = (layers: ManifestLayer[]): string[] =>
  weightsAmong(layers).map(({ digest }) => digest)

const sameSet = (some: string[], others: string[]): boolean =>
  some.length > 0 && some.toSorted().join() === others.toSorted().join()
