import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { hashFile } from '../../checks/models/hash-file.ts'
import { changeJsonRecord, readJsonRecord } from '../json-record.ts'
import type { Task } from '../progress.ts'

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
export async function recordedHash(path: string, recordFile: string, task: Task): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path)
  const known = (await readJsonRecord(recordFile, HashRecord))?.[path]
  if (known?.size === size && known.modified === mtimeMs && known.inode === ino) return known.sha256

  const sha256 = await hashFile(path, size, task)
  await changeJsonRecord(recordFile, HashRecord, record => ({
    ...record,
    [path]: { sha256, size, modified: mtimeMs, inode: ino },
  }))
  return sha256
}
