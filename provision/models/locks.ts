import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { ManifestLayer } from '../../checks/models/model-files.ts'
import { Architecture } from '../../infra/capacity/model/architecture.ts'
import { describeSource, type ModelSource } from '../../infra/settings/model-definition.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'

/** What a verified pull or import has seen. */
export const LockEntry = z.object({
  /** Of the manifest, in hex: see Manifest.digest. It covers all layers. */
  digest: z.string(),
  sizeBytes: z.int().positive(),
  /** Empty where the store of the server that it was seen on cannot be read. */
  layers: z.array(ManifestLayer),
  /** What its memory is planned by; absent where nobody could read its file. */
  architecture: Architecture.optional(),
})
export type LockEntry = z.infer<typeof LockEntry>

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
    if (locked !== undefined) return { entry: locked, by: 'lock' }
    const seen = recorded[model]?.[key]
    if (seen !== undefined) return { entry: seen, by: 'recorded' }
  }
  return undefined
}

const LIBRARY: ModelSource = { kind: 'library' }

/** Records a model that no lock knows, so that a later pull that differs is noticed. */
export const recordLock = (
  locks: Locks,
  model: string,
  source: string,
  entry: LockEntry,
): Promise<void> => writeEntry(locks.recordFile, model, source, entry)

/** Writes the tracked file, for `npm run models -- --write-lock` alone. */
export const writeTrackedLock = (
  model: string,
  source: string,
  entry: LockEntry,
  trackedFile = TRACKED_LOCK,
): Promise<void> => writeEntry(trackedFile, model, source, entry)

function writeEntry(file: string, model: string, source: string, entry: LockEntry): Promise<void> {
  return changeJsonRecord(file, LockFile, content => ({
    ...content,
    [model]: { ...content?.[model], [source]: entry },
  }))
}
