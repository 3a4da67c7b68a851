import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { Config, DEFAULTS } from '../../../infra/settings/settings-schema.ts'

const FILE = join(PROJECT_ROOT, 'Pulumi.yaml')

export const readPulumiProject = (): Promise<string> => readFile(FILE, 'utf8')

/** Writes the settings into Pulumi.yaml, whose other parts are written by hand. */
export async function writePulumiProject(): Promise<void> {
  await writeFile(FILE, withConfig(await readPulumiProject()))
}

/** The text of a Pulumi.yaml with the settings of the schema in place of its own. */
export function withConfig(text: string): string {
  const project = parseDocument(text)
  const declared = Object.entries(Config.shape).map(([key, schema]) => [
    key,
    { type: pulumiType(DEFAULTS[key]), default: DEFAULTS[key], description: schema.description },
  ])
  project.set('config', Object.fromEntries(declared))
  return project.toString({ lineWidth: 0 })
}

/** Pulumi's word for the type of a setting, which is the type of its default; numbers are all whole. */
const pulumiType = (value: unknown): string =>
  typeof value === 'number' ? 'integer' : typeof value
