import { rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { hashFile } from '../../checks/models/hash-file.ts'
import { blobPath, type ManifestLayer } from '../../checks/models/model-files.ts'
import { Failure } from '../../infra/failure.ts'
import { formatBytes } from '../../infra/units.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'
import type { ModelJob } from './model-job.ts'
import type { Installed, OllamaStore } from './ollama-store.ts'

/** A file of a model that is not what its manifest says. */
export interface Defect {
  path: string
  /** `is missing`, `has 10 B instead of 20 B`, … */
  reason: string
}

/**
 * Compares the files of an installed model with its manifest, by size and sha256: Ollama takes a file that is
 * there for good, whatever it holds.
 * @returns none also where the server's folder cannot be read, which is reported
 */
export async function findDefects({ manifest }: Installed, job: ModelJob): Promise<Defect[]> {
  const { modelsFolder } = job.store
  if (manifest === undefined || modelsFolder === undefined) {
    job.task.report("not verified on disk: Ollama's model folder cannot be read from here")
    return []
  }
  const defects: Defect[] = []
  for (const layer of manifest.layers) {
    const path = blobPath(modelsFolder, layer.digest)
    const reason = (await sizeDefect(path, layer)) ?? (await hashDefect(path, layer, job))
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
        { mend: `remove it, and run this again: rm ${path}`, cause: error },
      )
    })
  }
}

export const describeDefects = (defects: Defect[]): string =>
  defects.map(({ path, reason }) => `${path} ${reason}`).join('; ')

async function sizeDefect(path: string, { size }: ManifestLayer): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return 'is missing'
  if (found.size === size) return undefined
  return `has ${formatBytes(found.size)} instead of ${formatBytes(size)}`
}

async function hashDefect(path: string, layer: ManifestLayer, job: ModelJob) {
  const seen = `sha256:${await rememberedHash(path, job)}`
  return seen === layer.digest ? undefined : `holds ${seen}`
}

/** A file as it was when it was hashed: written to since, it is not the same. */
const Hashed = z.object({
  sha256: z.string(),
  size: z.int(),
  modified: z.number(),
  inode: z.number(),
})
const HashRecord = z.record(z.string(), Hashed)

/** The sha256 of a file, in hex. It is read to its end only when the record does not know it as it is now. */
async function rememberedHash(path: string, { locks, task }: ModelJob): Promise<string> {
  // Beside what was locked.
  const record = join(dirname(locks.recordFile), 'hashed-blobs.json')
  const { size, mtimeMs, ino } = await stat(path)
  const known = (await readJsonRecord(record, HashRecord))?.[path]
  if (known?.size === size && known.modified === mtimeMs && known.inode === ino) return known.sha256

  const sha256 = await hashFile(path, size, task)
  await changeJsonRecord(record, HashRecord, content => ({
    ...content,
    [path]: { sha256, size, modified: mtimeMs, inode: ino },
  }))
  return sha256
}
