import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonIfSound } from '../json-record.ts'

const Attributes = z.object({})

/**
 * Removes attributes of a file backend's files that a killed engine wrote in part: unlike the files themselves they are
 * not written in one step, and the engine reads no file whose attributes are torn ("failed to load checkpoint: EOF").
 * Nothing is lost: they hold a checksum and a content type, and a file without any is as good.
 * Source: blob/fileblob/attrs.go of google/go-cloud.
 * @param backend folder of a file backend
 */
export async function removeTornAttributes(backend: string): Promise<void> {
  const folder = join(backend, '.pulumi')
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  for (const name of names.filter(name => name.endsWith('.attrs'))) {
    const file = join(folder, name)
    if ((await readJsonIfSound(file, Attributes)) === undefined) await rm(file, { force: true })
  }
}
