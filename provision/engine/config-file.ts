import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { localPaths } from '../../infra/local/paths.ts'
import { makePrivateFolder, writePrivateFile } from '../../infra/private-files.ts'
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
  const before = parse(await readFile(path, 'utf8').catch(() => '')) ?? {}
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => KEPT.includes(key)))
  await makePrivateFolder(state)
  await writePrivateFile(path, stringify({ ...kept, ...document }))
  return path
}
