import type { KubeObject } from '../cluster/api.ts'
import behaviour from './behaviour.json' with { type: 'json' }
import type { ProviderArgs } from './connect.ts'

/** Fields whose change replaces the object, with their children. */
const REPLACING: Record<string, string[]> = behaviour.replaces

const OF_ALL = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']

/** @param path dotted */
export function replacing(object: KubeObject, path: string, args: ProviderArgs): boolean {
  return [...OF_ALL, ...fieldsOf(object, args)].some(
    field => path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`),
  )
}

function fieldsOf({ apiVersion, kind, immutable }: KubeObject, args: ProviderArgs): string[] {
  const mutable = !immutable
  if (kind === 'ConfigMap' && args.enableConfigMapMutable && mutable) return []
  if (kind === 'Secret' && args.enableSecretMutable && mutable) return ['type']
  return REPLACING[`${apiVersion}/${kind}`] ?? []
}
