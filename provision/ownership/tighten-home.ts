import { constants, existsSync, type Stats } from 'node:fs'
import { lstat, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { placesOf } from '../../infra/local/local-servers.ts'
import { filesOfLog } from '../../infra/local/log-bounds.ts'
import { roomFileOf, soundFileOf } from '../../infra/servers/chroma-watchdog.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'

/** What others than the owner may do with a file. */
const OTHERS = 0o077

/**
 * Takes from group and others what they may do in a stack's folder: earlier versions made it as the umask said, and
 * a server that one of them started goes on so until it is started anew. Only what a deployed stack makes is touched,
 * never the home folder itself nor what lies beside in it, and no link is followed.
 */
export async function tightenHome(settings: Settings): Promise<void> {
  const { chroma, models, logs, processes, state } = localPaths(settings.home)
  if (!existsSync(join(state, 'backend.json'))) return
  const data = Array.from({ length: settings.chroma.instances }, (_, index) => chroma(index))
  for (const folder of [state, ...data]) await tightenAll(folder)
  await tightenModels(models)
  const places = placesOf(settings)
  const files = places.flatMap(({ log, record }) => [...filesOfLog(log), record])
  const rooms = data.flatMap(folder => [roomFileOf(folder), soundFileOf(folder)])
  for (const path of [dirname(chroma(0)), models, logs, processes, ...rooms, ...files]) {
    await tighten(path)
  }
}

/** The same for Ollama's store alone, when a model has come: Ollama opens each of its files to all, whatever its umask. */
export async function tightenModels(folder: string): Promise<void> {
  for (const part of ['blobs', 'manifests']) await tightenAll(join(folder, part))
}

async function tightenAll(path: string): Promise<void> {
  const found = await tighten(path)
  if (!found?.isDirectory()) return
  for (const name of await readdir(path).catch(() => [])) await tightenAll(join(path, name))
}

/** @returns what is there: the link itself where it is one */
async function tighten(path: string): Promise<Stats | undefined> {
  const found = await lstat(path).catch(() => undefined)
  if (!(found?.isFile() || found?.isDirectory()) || (found.mode & OTHERS) === 0) return found
  // Through the open file: what the path leads to may have changed meanwhile.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch(() => undefined)
  // A disk without modes, or a file of another user's: nothing that an update should fail for.
  await file?.chmod(found.mode & 0o7777 & ~OTHERS).catch(() => undefined)
  await file?.close()
  return found
}
