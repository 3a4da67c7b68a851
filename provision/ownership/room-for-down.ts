import { randomBytes } from 'node:crypto'
import { rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Bytes, MiB } from '../../infra/units.ts'

/** What `down` writes, several times over: the lock, and the state after each step with its history. */
const SIZE: Bytes = 16 * MiB

const fileOf = ({ home }: Pick<Settings, 'home'>): string => join(localPaths(home).state, 'reserve')

/**
 * Sees to it that a stack has room of its own on its disk, which useReserve gives back. Does nothing where the disk
 * has none to give.
 */
export async function keepReserve(settings: Pick<Settings, 'home'>): Promise<void> {
  const file = fileOf(settings)
  const size = await stat(file).then(
    found => found.size,
    () => 0,
  )
  if (size === SIZE) return
  // Noise, since some file systems keep no zeros.
  await writeFile(file, randomBytes(SIZE), { mode: 0o600 }).catch(() => rm(file, { force: true }))
}

/** Gives the room back when the disk has none left: what takes the stack down must be able to write. */
export async function useReserve(settings: Pick<Settings, 'home'>): Promise<void> {
  const disk = await statfs(localPaths(settings.home).state).catch(() => undefined)
  if (disk === undefined || disk.bavail * disk.bsize >= SIZE) return
  await rm(fileOf(settings), { force: true })
}
