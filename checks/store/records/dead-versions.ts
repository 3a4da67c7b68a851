import { CurrentVersions } from './current-versions.ts'
import { chunkOf } from './record-id.ts'

/** Records that count nowhere. */
export interface DeadVersions {
  /** Of versions that are there in part: a writer is at work, or was killed. */
  partial: number
  /** Of whole versions that a later one took the place of. */
  superseded: number
}

/** @param ids of all records of some documents */
export function deadVersions(ids: readonly string[]): DeadVersions {
  const current = CurrentVersions.among(ids)
  const dead = ids.filter(id => !current.has(id))
  const byVersion = Map.groupBy(dead, id => id.slice(0, id.lastIndexOf('-')))
  let partial = 0
  for (const own of byVersion.values()) {
    const version = chunkOf(own[0]!)?.version
    if (version !== undefined && own.length < version.count) partial += own.length
  }
  return { partial, superseded: dead.length - partial }
}
