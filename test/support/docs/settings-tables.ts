import { z } from 'zod'
import { Config, DEFAULTS } from '../../../infra/settings/settings-schema.ts'
import { table } from './table.ts'

/** The keys of a stack's configuration, by its schema. */
export function settingsTable(): string {
  const rows = Object.entries(Config.shape).map(([key, { description }]) => [
    `\`${key}\``,
    shown(DEFAULTS[key]),
    description ?? '',
  ])
  return table(['`knowledge-stack:…`', 'Default', 'Meaning'], rows)
}

/** The keys inside of a setting that is an object, by its schema; what has no meaning of its own has its object's. */
export function objectTable(setting: string, schema: z.ZodType): string {
  const rows = keysOf(z.toJSONSchema(schema, { io: 'input' }) as Schema).map(
    ([path, schema, meaning]) => [`\`${path}\``, typeOf(schema), shown(schema.default), meaning],
  )
  return table([`\`${setting}.…\``, 'Type', 'Default', 'Meaning'], rows)
}

const shown = (value: unknown): string =>
  value === undefined || value === '' ? '' : `\`${JSON.stringify(value)}\``

interface Schema {
  type?: string
  default?: unknown
  description?: string
  properties?: Record<string, Schema>
  items?: Schema
  minimum?: number
  maximum?: number
}

/** The keys of a schema with what they mean, those of objects in it behind their own. */
function keysOf({ properties = {} }: Schema, before = '', object = ''): [string, Schema, string][] {
  return Object.entries(properties).flatMap(([key, value]): [string, Schema, string][] => {
    const { description: meaning = object } = value
    return value.properties === undefined
      ? [[before + key, value, meaning]]
      : keysOf(value, `${before}${key}.`, meaning)
  })
}

function typeOf({ type = 'string', items, minimum, maximum }: Schema): string {
  if (type === 'array') return `list of ${items?.type ?? 'string'}s`
  return type === 'integer' ? `${minimum} to ${maximum}` : type
}
