import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { Failure, reasonOf } from '../failure.ts'
import { PROJECT, PROJECT_ROOT } from '../project.ts'
import { parseSettings, type Settings } from './parse-settings.ts'
import { recordedModels } from './read-models.ts'
import { requireKnownPrefixes } from './setting-problems.ts'

/** A stack as the scripts know it: its file as Pulumi reads it, and the settings in it. */
export interface StackFile {
  path: string
  /** The whole document: configuration, and whatever Pulumi keeps in it beside. */
  document: { config?: Record<string, unknown> } & Record<string, unknown>
  /** The values of this project by key, as they are written. */
  configured: Record<string, unknown>
  settings: Settings
}

/**
 * Reads Pulumi.<stack>.yaml.
 * @param file another file in its place, as Pulumi's own --config-file takes it
 * @param modelsIn what was read of models, for a home folder
 * @throws Failure `misused` when there is no such stack, or a setting is wrong
 */
export async function readStackFile(
  stack: string,
  file?: string,
  modelsIn = recordedModels,
): Promise<StackFile> {
  const path = file ?? join(PROJECT_ROOT, `Pulumi.${stack}.yaml`)
  const text = await readFile(path, 'utf8').catch(async error => {
    throw error.code === 'ENOENT' ? await unknownStack(stack, path) : error
  })
  const document = parseYaml(path, text)
  requireKnownPrefixes(stack, Object.keys(document.config ?? {}))
  const configured = Object.fromEntries(
    Object.entries(document.config ?? {}).flatMap(([key, value]) => {
      const own = ownKey(key)
      return own === undefined ? [] : [[own, value]]
    }),
  )
  const settings = parseSettings(stack, configured, process.env, undefined, modelsIn)
  return { path, document, configured, settings }
}

/** The project's key without its prefix, which a file may leave out; undefined for another's, such as a provider's. */
export function ownKey(key: string): string | undefined {
  const prefix = `${PROJECT}:`
  if (key.startsWith(prefix)) return key.slice(prefix.length)
  return key.includes(':') ? undefined : key
}

function parseYaml(path: string, text: string): StackFile['document'] {
  try {
    return parse(text) ?? {}
  } catch (error) {
    throw new Failure('misused', `${path} is no YAML: ${reasonOf(error)}`, { mend: `edit ${path}` })
  }
}

async function unknownStack(stack: string, path: string): Promise<Failure> {
  const files = await readdir(PROJECT_ROOT)
  const stacks = files.flatMap(file => file.match(/^Pulumi\.(.+)\.yaml$/)?.[1] ?? [])
  return new Failure(
    'misused',
    `There is no stack ${stack} (no ${path}); there are ${stacks.join(', ')}`,
    { mend: `npm run up -- --stack ${stacks[0]}, or write ${path}` },
  )
}
