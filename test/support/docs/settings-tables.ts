import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { Kubernetes } from '../../../infra/settings/kubernetes-settings.ts'
import { table } from './table.ts'

const read = (file: string): Promise<string> => readFile(join(PROJECT_ROOT, file), 'utf8')

/** The settings as Pulumi.yaml declares them. */
export async function settingsTable(): Promise<string> {
  const project = parse(await read('Pulumi.yaml'))
  const rows = Object.entries<{ default: unknown; description: string }>(project.config).map(
    ([key, { default: value, description }]) => [`\`${key}\``, shown(value), description],
  )
  return table(['`knowledge-stack:…`', 'Default', 'Meaning'], rows)
}

/** The keys inside of the setting `kubernetes`, by its schema; a meaning is the comment beside the key, or its object's. */
export async function clusterSettingsTable(): Promise<string> {
  const comments = commentsIn(await read('infra/settings/kubernetes-settings.ts'))
  const rows = keysOf(z.toJSONSchema(Kubernetes, { io: 'input' }) as Schema).map(
    ([path, schema]) => {
      const keys = path.split('.').toReversed()
      const meaning = keys.map(key => comments.get(key)).find(text => text !== undefined) ?? ''
      return [`\`${path}\``, typeOf(schema), shown(schema.default), meaning]
    },
  )
  return table(['`kubernetes.…`', 'Type', 'Default', 'Meaning'], rows)
}

const shown = (value: unknown): string =>
  value === undefined || value === '' ? '' : `\`${JSON.stringify(value)}\``

interface Schema {
  type?: string
  default?: unknown
  properties?: Record<string, Schema>
  items?: Schema
  minimum?: number
  maximum?: number
}

/** The keys of a schema, those of objects in it behind their own. */
function keysOf(schema: Schema, before = ''): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    value.properties === undefined
      ? [[before + key, value] as [string, Schema]]
      : keysOf(value, `${before}${key}.`),
  )
}

function typeOf({ type = 'string', items, minimum, maximum }: Schema): string {
  if (type === 'array') return `list of ${items?.type ?? 'string'}s`
  return type === 'integer' ? `${minimum} to ${maximum}` : type
}

/** The comment right before a key, for each key that has one. */
function commentsIn(source: string): Map<string, string> {
  const commented = /\/\*\* (.+?)\.? \*\/\n\s*(\w+):/g
  return new Map([...source.matchAll(commented)].map(([, text, key]) => [key!, text!]))
}
