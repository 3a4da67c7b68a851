import { rm, stat } from 'node:fs/promises'
import { blobPath, type Layer } from '../../checks/models/model-files.ts'
import { Failure } from '../../infra/failure.ts'
import { formatBytes } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { recordedHash } from './hashes.ts'
import type { Installed, OllamaStore } from './provisioning-client.ts'

/** A file of a model that is not what its manifest says. */
export interface Defect {
  path: string
  /** `is missing`, `has 10 B instead of 20 B`, … */
  reason: string
}

/**
 * Compares the files of an installed model with its manifest, by size and sha256: Ollama takes a file that is
 * there for good, whatever it holds.
 * @param hashes record of what was hashed before, see recordedHash
 * @returns none also where the server's folder cannot be read, which is reported
 */
export async function findDefects(
  { manifest }: Installed,
  hashes: string,
  { modelsFolder }: OllamaStore,
  task: Task,
): Promise<Defect[]> {
  if (manifest === undefined || modelsFolder === undefined) {
    task.report("not verified on disk: Ollama's model folder cannot be read from here")
    return []
  }
  const defects: Defect[] = []
  for (const layer of manifest.layers) {
    const path = blobPath(modelsFolder, layer.digest)
    const reason = (await sizeDefect(path, layer)) ?? (await hashDefect(path, layer, hashes, task))
    if (reason !== undefined) defects.push({ path, reason })
  }
  return defects
}

/** Whether all files of a model are there in full length, a quick look without reading them. */
export async function isComplete(
  { manifest }: Installed,
  { modelsFolder }: OllamaStore,
): Promise<boolean> {
  if (manifest === undefined || modelsFolder === undefined) return true
  for (const layer of manifest.layers) {
    if (await sizeDefect(blobPath(modelsFolder, layer.digest), layer)) return false
  }
  return true
}

/** Removes the files, so that the next pull or import writes them anew. */
export async function removeDefects(defects: Defect[]): Promise<void> {
  for (const { path, reason } of defects) {
    await rm(path, { force: true }).catch(error => {
      throw new Failure(
        'unavailable',
        `${path} ${reason}, and cannot be removed: ${error.message}`,
        {
          mend: `remove it, and run this again: rm ${path}`,
          cause: error,
        },
      )
    })
  }
}

export const describeDefects = (defects: Defect[]): string =>
  defects.map(({ path, reason }) => `${path} ${reason}`).join('; ')

async function sizeDefect(path: string, { size }: Layer): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return 'is missing'
  if (found.size === size) return undefined
  return `has ${formatBytes(found.size)} instead of ${formatBytes(size)}`
}

async function hashDefect(
  path: string,
  { digest }: Layer,
  hashes: string,
  task: Task,
): Promise<string | undefined> {
  const seen = `sha256:${await recordedHash(path, hashes, task)}`
  return seen === digest ? undefined : `holds ${seen}`
}
