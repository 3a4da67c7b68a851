import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { writePrivateFile } from '../../infra/private-files.ts'
import { PROJECT } from '../../infra/project.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import { typed } from '../../infra/settings/parse-settings.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import { ownKey } from '../../infra/settings/settings-file.ts'

/** What Pulumi writes into a stack's file to be able to decrypt it again. */
const KEPT = ['encryptionsalt', 'encryptedkey', 'secretsprovider']

/**
 * The stack's configuration for the engine: a copy in the stack's folder, since the engine writes its salt into
 * the file it is given, and the tracked one must stay as it is. The settings have the types that Pulumi.yaml
 * declares, whatever they were written as: what was read here is not refused there.
 */
export async function writeEngineConfig({ document, settings }: StackFile): Promise<string> {
  const { state } = localPaths(settings.home)
  const path = join(state, `Pulumi.${settings.stack}.yaml`)
  const text = await readFile(path, 'utf8').catch(() => '')
  const before = parse(text) ?? {}
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => KEPT.includes(key)))
  const config = Object.fromEntries(Object.entries(document.config ?? {}).map(forEngine))
  // Quoted: what is a text here may look like a number to the engine's YAML.
  const wanted = stringify({ ...kept, ...document, config }, { defaultStringType: 'QUOTE_DOUBLE' })
  // On a full disk it could not be written again.
  if (wanted !== text) await writePrivateFile(path, wanted)
  return path
}

function forEngine([key, value]: [string, unknown]): [string, unknown] {
  const own = ownKey(key)
  return own === undefined ? [key, value] : [`${PROJECT}:${own}`, typed([own, value])[1]]
}
