import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PROJECT } from '../../infra/project.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'

/** Updates that are kept of each kind of file. */
const KEPT = 50
/** `dev.1795747110773062359.json`, `dev-1795747110772100043.checkpoint.json.attrs`: nanoseconds since 1970. */
const TIME = /[.-](\d{19})\.(?:\w+\.)*(?:json|gz|attrs)$/

/**
 * Deletes what the engine keeps of old updates in the project's own backend: it adds a copy of the whole state to
 * `history` and to `backups` at every update, and never takes one away.
 */
export async function forgetOldUpdates({ home, stack }: Settings): Promise<void> {
  const backend = join(localPaths(home).state, 'pulumi', '.pulumi')
  for (const kind of ['history', 'backups']) {
    const folder = join(backend, kind, PROJECT, stack)
    const files = await readdir(folder).catch(() => [])
    const times = new Set(files.flatMap(file => TIME.exec(file)?.[1] ?? []))
    const old = new Set([...times].sort().slice(0, -KEPT))
    for (const file of files) {
      if (old.has(TIME.exec(file)?.[1] ?? '')) await rm(join(folder, file))
    }
  }
}
