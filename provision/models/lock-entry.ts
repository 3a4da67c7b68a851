import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { ManifestLayer, weightsAmong } from '../../checks/models/model-files.ts'
import { Architecture } from '../../infra/capacity/model/architecture.ts'
import { UNRECORDED_OLLAMA } from '../../infra/settings/ollama-version.ts'

/** A model as a server has it. */
const Made = z.object({
  /** Of the manifest, in hex: see Manifest.digest. It covers all layers. */
  digest: z.string(),
  sizeBytes: z.int().positive(),
  /** Empty where the store of the server that it was seen on cannot be read. */
  layers: z.array(ManifestLayer),
  /** What its memory is planned by; absent where nobody could read its file. */
  architecture: Architecture.optional(),
})
export type Made = z.infer<typeof Made>

/**
 * What a verified pull or import has seen. A registry's model is the same on every server. Of files an Ollama makes a
 * model in its own way, from 0.30 on by writing the weights anew: what was downloaded and what which version made of it
 * are held apart.
 */
export const LockEntry = Made.extend({
  /** Of a file source: name → `sha256:<hex>`. Entries of older versions have none. */
  files: z.record(z.string(), z.string()).optional(),
  /** The Ollama that made what stands above. */
  engine: z.string().optional(),
  /** What others made of the same files, by their versions. */
  made: z.record(z.string(), Made).optional(),
})
export type LockEntry = z.infer<typeof LockEntry>

/** What other Ollamas made of files that are locked is recorded on the machine where they did. */
export function withMadeOf(locked: LockEntry, seen: LockEntry | undefined): LockEntry {
  if (seen?.files === undefined) return locked
  if (locked.files !== undefined && !sameFiles(locked.files, seen.files)) return locked
  const own = seen.engine === undefined ? {} : { [seen.engine]: seen }
  return { ...locked, made: { ...seen.made, ...own, ...locked.made } }
}

/** What an Ollama makes of the files of an entry; undefined when nobody has seen it yet. */
export const madeBy = (entry: LockEntry, version: string): Made | undefined =>
  (entry.engine ?? UNRECORDED_OLLAMA) === version ? entry : entry.made?.[version]

/** All that is known to be made of what an entry locks. */
export const allMade = (entry: LockEntry): Made[] => [entry, ...Object.values(entry.made ?? {})]

/** Whether files are those that an entry locks. One of an older version knows them only where they are its weights. */
export function areLocked(entry: LockEntry, files: Record<string, string>): boolean {
  if (entry.files !== undefined) return sameFiles(entry.files, files)
  const digests = Object.values(files)
  const isOneFile = digests.length === 1
  return !isOneFile || weightDigests(entry.layers).includes(digests[0]!)
}

const sameFiles = (some: LockEntry['files'], others: LockEntry['files']): boolean =>
  isDeepStrictEqual(some, others)

/** An entry with what one more Ollama made of its files; a new one for other files, or for none so far. */
export function withMade(
  entry: LockEntry | undefined,
  version: string,
  made: Made,
  files: Record<string, string>,
): LockEntry {
  const isFirst = entry === undefined || !sameFiles(entry.files, files)
  if (isFirst) return { ...made, files, engine: version }
  if ((entry.engine ?? UNRECORDED_OLLAMA) === version) return { ...entry, ...made, files }
  return { ...entry, made: { ...entry.made, [version]: made } }
}

/** Digests of the files that are weights. */
export const weightDigests = (layers: ManifestLayer[]): string[] =>
  weightsAmong(layers).map(({ digest }) => digest)
