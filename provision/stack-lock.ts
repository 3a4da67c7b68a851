import { join } from 'node:path'
import { Failure } from '../infra/failure.ts'
import { localPaths } from '../infra/local/paths.ts'
import type { Owner } from '../infra/owner.ts'
import type { Settings } from '../infra/settings.ts'
import { acquireLock } from './lock.mjs'
import { claimHome } from './ownership/home.ts'
import { requireWritable } from './writable.ts'

/**
 * Does work that changes a stack while no other command does. The home folder is the stack's from then on.
 * @throws Failure as claimHome does; `unavailable` that names who else is at it, or why the stack's folder cannot be written
 */
export async function withStackLock<Result>(
  settings: Settings,
  purpose: string,
  work: (owner: Owner) => Promise<Result>,
): Promise<Result> {
  const { stack, home } = settings
  const owner = await claimHome(settings)
  await requireWritable(localPaths(home).state)
  const lock = await acquireLock(join(localPaths(home).state, 'lock'), purpose)
  if (lock.heldBy !== undefined) {
    const { pid, purpose: theirs, since } = lock.heldBy
    throw new Failure(
      'unavailable',
      `Stack ${stack} is being changed by another command: ${theirs} (process ${pid}, since ${since})`,
      {
        mend: 'wait until it has ended, then run this again',
      },
    )
  }
  try {
    return await work(owner)
  } finally {
    await lock.release()
  }
}
