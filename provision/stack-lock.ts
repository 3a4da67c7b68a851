import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../infra/failure.ts'
import type { Owner } from '../infra/ownership/owner.ts'
import { PRIVATE_FILE } from '../infra/private-files.ts'
import { localPaths } from '../infra/settings/home-paths.ts'
import type { Settings } from '../infra/settings/parse-settings.ts'
import { acquireLock } from './lock.mjs'
import { ownerOf } from './ownership/home-owner.ts'
import { requireWritable } from './ownership/require-writable.ts'

/**
 * Does work that changes a stack while no other command does. Folders that were made for the lock alone go with it.
 * @param purpose the command, for those who find the stack locked: `up of stack dev`
 * @param work is given whose the stack's home folder is
 * @throws Failure as ownerOf does; `unavailable` that names who else is at it, or why the stack's folder cannot be written
 */
export async function withStackLock<Result>(
  settings: Settings,
  purpose: string,
  work: (owner: Owner) => Promise<Result>,
): Promise<Result> {
  const { stack, home } = settings
  const owner = await ownerOf(settings)
  const { state } = localPaths(home)
  const made = await requireWritable(state)
  const lock = await acquireLock(join(state, 'lock'), purpose, PRIVATE_FILE)
  if (lock.heldBy !== undefined) {
    const { pid, purpose: theirs, since } = lock.heldBy
    throw new Failure(
      'unavailable',
      `Stack ${stack} is being changed by another command: ${theirs} (process ${pid}, since ${since})`,
      { mend: 'wait until it has ended, then run this again' },
    )
  }
  try {
    return await work(owner)
  } finally {
    await lock.release()
    await removeEmpty(made)
  }
}

/** @param folders the outermost first; those that are in use or gone by now are left as they are */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders.toReversed()) await rmdir(folder).catch(() => undefined)
}
