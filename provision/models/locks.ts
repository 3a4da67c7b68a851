import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { ManifestLayer } from '../../checks/models/model-files.ts'
import {
  describeSource,
  isFileSource,
  type ModelSource,
} from '../../infra/settings/model-definition.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'
import { architectureIn } from './gguf-file.ts'
import { allMade, LockEntry, type Made, weightDigests, withMadeOf } from './lock-entry.ts'
import { type Installed, type OllamaStore, weightsOf } from './ollama-store.ts'

/** Model → source (describeSource) → what it must be. */
const LockFile = z.record(z.string(), z.record(z.string(), LockEntry))
type LockFile = z.infer<typeof LockFile>

/** What models are held to: the tracked file first, then the record of what this machine saw first. */
export interface Locks {
  tracked: LockFile
  recorded: LockFile
  recordFile: string
}

export type LockedBy = 'lock' | 'recorded'

/** Tracked by git, and written only by `npm run models -- --write-lock`. */
export const TRACKED_LOCK = fileURLToPath(new URL('../../infra/models.lock.json', import.meta.url))

/** @throws Failure `misused` when one of the files is there but is no lock file */
export async function readLocks(recordFile: string, trackedFile = TRACKED_LOCK): Promise<Locks> {
  return {
    tracked: (await readJsonRecord(trackedFile, LockFile)) ?? {},
    recorded: (await readJsonRecord(recordFile, LockFile)) ?? {},
    recordFile,
  }
}

/** What a model must be when it comes from this source; undefined when nobody has seen it yet. */
export function expectedFrom(
  source: ModelSource,
  model: string,
  { tracked, recorded }: Locks,
): { entry: LockEntry; by: LockedBy } | undefined {
  // A mirror is a copy of the library: it is held to the same.
  const keys = source.kind === 'mirror' ? [source, LIBRARY] : [source]
  for (const key of keys.map(describeSource)) {
    const locked = tracked[model]?.[key]
    const seen = recorded[model]?.[key]
    if (locked !== undefined) return { entry: withMadeOf(locked, seen), by: 'lock' }
    if (seen !== undefined) return { entry: seen, by: 'recorded' }
  }
  return undefined
}

const LIBRARY: ModelSource = { kind: 'library' }

/**
 * Writes what was seen of a model that came from a source into a lock file.
 * @param entry is given the one that is there
 */
export function writeLock(
  file: string,
  model: string,
  source: string,
  entry: (before: LockEntry | undefined) => LockEntry,
): Promise<void> {
  return changeJsonRecord(file, LockFile, content => ({
    ...content,
    [model]: { ...content?.[model], [source]: entry(content?.[model]?.[source]) },
  }))
}

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
export async function madeOf(
  name: string,
  installed: Installed,
  store: OllamaStore,
): Promise<Made> {
  const { digest, layers } = await identify(name, installed, store)
  const architecture = await architectureIn(layers, store.modelsFolder)
  const { sizeBytes } = installed
  return { digest, sizeBytes, layers, ...(architecture && { architecture }) }
}

/** Whether a model is what a lock holds for its source. */
export function isSame(expected: Made, seen: Identity, source?: ModelSource): boolean {
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
    if (expected && allMade(expected.entry).some(made => isSame(made, seen, source))) {
      return { source: describeSource(source), lockedBy: expected.by }
    }
  }
  const found = locks.recorded[model]?.[ALREADY_THERE]
  return found && isSame(found, seen) ? { source: ALREADY_THERE, lockedBy: 'recorded' } : undefined
}

const sameSet = (some: string[], others: string[]): boolean =>
  some.length > 0 && some.toSorted().join() === others.toSorted().join()
