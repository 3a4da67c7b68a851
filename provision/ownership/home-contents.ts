import { lstat, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import type { Bytes } from '../../infra/units.ts'

/** What a stack makes in its home folder: the names of the folders, and of what it makes in them. */
export const CONTENTS: Record<string, RegExp> = {
  chroma: /^\d+(\.room(\.sound)?)?$/,
  models: /^(blobs|manifests)$/,
  logs: /^(chroma-\d+|ollama(-temporary)?|api)\.log(\.\d+)?$/,
  processes: /^(chroma-\d+|ollama(-temporary)?|api)\.json(\.new)?$/,
  state:
    /^(pulumi|reserve|archive|receipts|Pulumi\..*yaml|passphrase|(backend|backups|engine|outputs|api-keys|tokens|models\.lock|hashed-blobs|owner|layout|chroma|ollama|upgrade|compared|read-models|beside-data|settings)\.json(\.new|\.lock)?|chroma-\d+\.yaml|lock(\..*)?|\.writable-\d+)$/,
}

/** What of a home folder the stack made, and what it did not. */
interface Found {
  made: string[]
  others: string[]
}

/**
 * Deletes what the stack made in its home folder, and nothing else: files of others stay where they are. The folder
 * itself stays where a setting named it, or something is left in it.
 * @returns what is left, as paths
 */
export async function purgeHome({ home, homeIsNamed }: Settings): Promise<string[]> {
  const { made, others } = await look(home)
  for (const path of made) await rm(path, { recursive: true, force: true })
  const folders = Object.keys(CONTENTS).map(name => join(home, name))
  for (const folder of homeIsNamed ? folders : [...folders, home]) await removeEmpty(folder)
  return others
}

/** Bytes of what a purge would delete, as the files say. */
export async function sizeOfHome({ home }: Settings): Promise<Bytes> {
  const { made } = await look(home)
  const sizes = await Promise.all(made.map(sizeOf))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function look(home: string): Promise<Found> {
  const found: Found = { made: [], others: [] }
  for (const [folder, ours] of Object.entries(CONTENTS)) {
    for (const name of await readdir(join(home, folder)).catch(() => [])) {
      const list = ours.test(name) ? found.made : found.others
      list.push(join(home, folder, name))
    }
  }
  return found
}

/** A link counts for itself: what it leads to is not the stack's. */
async function sizeOf(path: string): Promise<Bytes> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.size
  const entries = await readdir(path).catch(() => [])
  const sizes = await Promise.all(entries.map(name => sizeOf(join(path, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

const removeEmpty = (folder: string): Promise<void> => rmdir(folder).catch(() => undefined)
