import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { PRIVATE_FILE, PRIVATE_FOLDER } from '../../infra/private-files.ts'

/**
 * Makes a folder of the stack, and finds out by writing whether it can be written.
 * @returns the folders that were not there before, the outermost first
 * @throws Failure `unavailable` that says why not: no right, no room, a file in its place
 */
export async function requireWritable(folder: string): Promise<string[]> {
  const probe = join(folder, `.writable-${process.pid}`)
  try {
    const made = await makeFolder(folder)
    // More than a name: a full disk still takes empty files.
    await writeFile(probe, Buffer.alloc(4096), { mode: PRIVATE_FILE })
    await rm(probe)
    return made
  } catch (error) {
    throw unwritable(error)
  }
}

/** With its parents, one by one: Node's own way tells ENOENT on a read-only disk, and never ends below /proc. */
async function makeFolder(folder: string): Promise<string[]> {
  const code = await mkdir(folder, PRIVATE_FOLDER).catch(error => error.code)
  if (code === 'EEXIST') return []
  if (code === undefined) return [folder]
  const parents = code === 'ENOENT' ? await makeFolder(dirname(folder)) : []
  await mkdir(folder, PRIVATE_FOLDER)
  return [...parents, folder]
}

/** What a failed write into the stack's folder is told as. */
export function unwritable(error: unknown): Failure {
  return new Failure('unavailable', `The stack's folder cannot be written: ${reasonOf(error)}`, {
    mend: "make room or give the right to write, or choose another folder: knowledge-stack:home in the stack's file",
    cause: error,
  })
}
