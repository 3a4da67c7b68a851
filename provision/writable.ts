import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, reasonOf } from '../infra/failure.ts'

/**
 * Makes a folder of the stack, and finds out by writing whether it can be written.
 * @throws Failure `unavailable` that says why not: no right, no room, a file in its place
 */
export async function requireWritable(folder: string): Promise<void> {
  const probe = join(folder, `.writable-${process.pid}`)
  try {
    await makeFolder(folder)
    // More than a name: a full disk still takes empty files.
    await writeFile(probe, Buffer.alloc(4096))
    await rm(probe)
  } catch (error) {
    throw unwritable(error)
  }
}

/** With its parents, one by one: Node's own way tells ENOENT on a read-only disk, and never ends below /proc. */
async function makeFolder(folder: string): Promise<void> {
  const code = await mkdir(folder).catch(error => error.code)
  if (code === 'EEXIST' || code === undefined) return
  if (code === 'ENOENT') await makeFolder(dirname(folder))
  await mkdir(folder)
}

/** What a failed write into the stack's folder is told as. */
export function unwritable(error: unknown): Failure {
  return new Failure('unavailable', `The stack's folder cannot be written: ${reasonOf(error)}`, {
    mend: "make room or give the right to write, or choose another folder: knowledge-stack:home in the stack's file",
    cause: error,
  })
}
