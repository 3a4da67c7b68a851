import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { localPaths } from '../../infra/local/paths.ts'
import type { StackFile } from '../../infra/settings-file.ts'

/** What Pulumi writes into a stack's file to be able to decrypt it again. */
const KEPT = ['encryptionsalt', 'encryptedkey', 'secretsprovider']

/**
 * The stack's configuration for the engine: a copy in the stack's folder, since the engine writes its salt into
 * the file it is given, and the tracked one must stay as it is.
 */
export async function writeEngineConfig({ document, settings }: StackFile): Promise<string> {
  const { state } = localPaths(settings.home)
  const path = join(state, `Pulumi.${settings.stack}.yaml`)
  const text = await readFile(path, 'utf8').catch(() => '')
  const before = parse(text) ?? {}
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => KEPT.includes(key)))
  await mkdir(state, { recursive: true })
  const wanted = stringify({ ...kept, ...document })
  // On a full disk nothing would be left of the old one either.
  if (wanted !== text) await writeFile(path, wanted)
  return path
}
