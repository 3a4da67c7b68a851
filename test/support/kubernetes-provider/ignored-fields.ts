import type { KubeObject } from '../cluster/api.ts'

type Fields = Record<string, unknown>

/**
 * The inputs of an update as far as they may be applied: of the paths whose changes are ignored, what another manager
 * alone has set is left out, so that it stays theirs, and everything else is as it is on the server.
 * @param paths dotted
 * @param manager who applies them
 */
export function withoutIgnored(
  inputs: KubeObject,
  live: KubeObject,
  paths: readonly string[],
  manager: string,
): KubeObject {
  const kept = structuredClone(inputs)
  for (const path of paths) {
    const keys = path.split('.')
    const managers = ((live.metadata.managedFields ?? []) as ManagedFields[]).filter(
      ({ fieldsV1 }) =>
        at(
          fieldsV1,
          keys.map(key => `f:${key}`),
        ) !== undefined,
    )
    const isOurs = managers.some(found => found.manager === manager)
    const value = managers.length > 0 && !isOurs ? undefined : at(live, keys)
    const parent = at(kept, keys.slice(0, -1)) as Fields | undefined
    const last = keys.at(-1)!
    if (parent === undefined) continue
    if (value !== undefined) parent[last] = value
    else if (managers.length > 0) delete parent[last]
  }
  return kept
}

interface ManagedFields {
  manager: string
  fieldsV1: Fields
}

const at = (value: unknown, keys: readonly string[]): unknown =>
  keys.reduce((found, key) => (found as Fields | undefined)?.[key], value)
