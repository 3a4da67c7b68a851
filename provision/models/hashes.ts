import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import type { Bytes } from '../../infra/units.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'
import type { Task } from '../progress.ts'
import { readWatched } from './read.ts'

/** The file as it was when it was hashed: written to since, it is not the same. */
const Hashed = z.object({
  sha256: z.string(),
  size: z.int(),
  modified: z.number(),
  inode: z.number(),
})
const HashRecord = z.record(z.string(), Hashed)

/**
 * The sha256 of a file, in hex. It is read to its end only when the record does not know it as it is now.
 * @param recordFile remembers what was hashed
 */
export async function hashFile(path: string, recordFile: string, task: Task): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path)
  const known = (await readJsonRecord(recordFile, HashRecord))?.[path]
  if (known?.size === size && known.modified === mtimeMs && known.inode === ino) return known.sha256

  const sha256 = await readAndHash(path, size, task)
  await changeJsonRecord(recordFile, HashRecord, record => ({
    ...record,
    [path]: { sha256, size, modified: mtimeMs, inode: ino },
  }))
  return sha256
}

/** The sha256 of a file's content, in hex. */
export async function readAndHash(path: string, size: Bytes, task: Task): Promise<string> {
  const hash = createHash('sha256')
  const doing = `hashing ${basename(path)}`
  for await (const piece of readWatched(path, size, doing, task)) hash.update(piece)
  return hash.digest('hex')
}
