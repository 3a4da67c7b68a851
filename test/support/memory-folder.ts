import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GiB } from '../../infra/units.ts'

const MEMORY = '/dev/shm'
const PREFIX = 'knowledge-stack-tests-'
/** What the suites that run side by side have in their folders at most, and what their servers need beside it. */
const NEEDED = 8 * GiB
const NEEDED_BESIDE = 6 * GiB

/**
 * A folder for what the tests write, in memory where this machine has enough: their many servers write through to the
 * disk at each step, and no test switches a machine off.
 * @returns undefined where there is too little, or programs cannot be run from it
 */
export async function memoryFolder(): Promise<string | undefined> {
  if (!existsSync(MEMORY)) return undefined
  sweep()
  const { bavail, bsize } = statfsSync(MEMORY)
  if (bavail * bsize < NEEDED || process.availableMemory() < NEEDED + NEEDED_BESIDE)
    return undefined
  const folder = join(MEMORY, `${PREFIX}${process.pid}`)
  mkdirSync(folder, { mode: 0o755 })
  if (await runsPrograms(folder)) return folder
  rmSync(folder, { recursive: true })
  return undefined
}

/** Removes what runs left that were killed, unless something is mounted there still. */
function sweep(): void {
  const mounts = readFileSync('/proc/mounts', 'utf8')
  for (const name of readdirSync(MEMORY).filter(name => name.startsWith(PREFIX))) {
    const folder = join(MEMORY, name)
    if (existsSync(`/proc/${name.slice(PREFIX.length)}`) || mounts.includes(`${folder}/`)) continue
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Shared memory is often mounted so that it does not. */
async function runsPrograms(folder: string): Promise<boolean> {
  const program = join(folder, 'true')
  await copyFile('/bin/true', program)
  try {
    execFileSync(program)
    return true
  } catch {
    return false
  } finally {
    rmSync(program)
  }
}
