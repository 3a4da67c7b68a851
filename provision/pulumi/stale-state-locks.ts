import { readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { PROJECT } from '../../infra/project.ts'
import { readJsonIfSound } from '../json-record.ts'
import { processStart } from '../process-identity.mjs'
import { processName } from '../processes/process-table.ts'

/** Who is at work on a stack in a file backend. Source: pkg/backend/diy/lock.go of pulumi/pulumi. */
const LockFile = z.object({ pid: z.int(), hostname: z.string() })
type LockFile = z.infer<typeof LockFile>

/**
 * Removes the locks on a stack that nobody holds any more: `pulumi cancel` would, but not while the stack is half made.
 * @param backend folder of a file backend
 * @param leftBehind an engine of ours was, and has been ended: a lock of another host's name is that engine's too, as
 *   in a container that is started again. Without it such a lock may be held where nothing can be seen from here.
 */
export async function removeStaleLocks(
  backend: string,
  stack: string,
  leftBehind: boolean,
): Promise<void> {
  const folder = join(backend, '.pulumi', 'locks', 'organization', PROJECT, stack)
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter(name => !name.endsWith('.attrs'))) {
    const file = join(folder, name)
    if (isHeld(await readJsonIfSound(file, LockFile), leftBehind)) continue
    await rm(file, { force: true })
    await rm(`${file}.attrs`, { force: true })
  }
}

function isHeld(lock: LockFile | undefined, leftBehind: boolean): boolean {
  // Half written.
  if (lock === undefined) return false
  if (lock.hostname !== hostname()) return !leftBehind
  // After a restart of the machine the pid may be another program's.
  return processStart(lock.pid) !== undefined && processName(lock.pid).includes('pulumi')
}
