import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { blobPath, readManifest } from '../../../checks/models/model-files.ts'
import { ServerError } from '../../../checks/transport/server-error.ts'
import { Failure, reasonOf } from '../../../infra/failure.ts'
import { type Bytes, formatBytes } from '../../../infra/units.ts'
import type { OllamaStore } from '../ollama-store.ts'

/** A source cannot give a model, for this reason; the next source may. */
export class SourceProblem extends Error {
  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options)
    this.name = 'SourceProblem'
  }
}

/** What Ollama said, in its own words. */
export const wordsOf = (error: unknown): string =>
  error instanceof ServerError && error.reason === 'faulty' && error.cause instanceof Error
    ? reasonOf(error.cause)
    : reasonOf(error)

/**
 * What no other source would mend: the server is gone, or its disk is full.
 * @param name the model that was being worked on
 * @returns undefined for every other error
 */
export async function serverFailure(
  error: unknown,
  name: string,
  store: OllamaStore,
): Promise<Failure | undefined> {
  if (!(error instanceof ServerError)) return undefined
  if (error.reason === 'full') return diskFull(name, store)
  return error.reason === 'unreachable' ? error : undefined
}

/** stat(2) counts what a file really takes in blocks of this size. */
const BLOCK: Bytes = 512

/**
 * Asks before a transfer whether its bytes will fit, where the folder can be seen.
 * @throws Failure `unavailable` when they will not
 */
export async function requireSpace(
  name: string,
  needed: Bytes,
  { modelsFolder }: OllamaStore,
): Promise<void> {
  const free = await freeBytes(modelsFolder)
  if (free === undefined) return
  const missing = needed - free - (await bytesTaken(name, modelsFolder!))
  if (missing <= 0) return
  throw new Failure(
    'unavailable',
    `${name} takes ${formatBytes(needed)} on disk, but ${modelsFolder} has ${formatBytes(free)} free`,
    { mend: `free ${formatBytes(missing)} there, or move the stack's home to another disk` },
  )
}

async function diskFull(name: string, { url, modelsFolder }: OllamaStore): Promise<Failure> {
  const free = await freeBytes(modelsFolder)
  const where = modelsFolder ?? `the model folder of Ollama at ${url}`
  const left = free === undefined ? '' : `, which has ${formatBytes(free)} free`
  return new Failure(
    'unavailable',
    `The disk is full: ${name} was being written to ${where}${left}`,
    { mend: "free some, or move the stack's home to another disk; what has come so far is kept" },
  )
}

async function freeBytes(folder: string | undefined): Promise<Bytes | undefined> {
  const found = folder === undefined ? undefined : await statfs(folder).catch(() => undefined)
  return found && found.bavail * found.bsize
}

/** What the model's files and unfinished pulls have taken already: it does not come again. */
async function bytesTaken(name: string, folder: string): Promise<Bytes> {
  const manifest = await readManifest(folder, name)
  const own = manifest?.layers.map(layer => blobPath(folder, layer.digest)) ?? []
  const blobs = join(folder, 'blobs')
  const files = await readdir(blobs).catch(() => [])
  const partial = files.filter(file => file.endsWith('-partial')).map(file => join(blobs, file))
  let sum = 0
  for (const path of [...own, ...partial]) {
    sum += ((await stat(path).catch(() => undefined))?.blocks ?? 0) * BLOCK
  }
  return sum
}
