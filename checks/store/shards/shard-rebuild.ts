import { z } from 'zod'
import { parseRecorded } from './parse-recorded.ts'
import { type Verdict, verdictIdOf } from './shard-move.ts'
import { ShardPlace } from './shard-place.ts'

/** A shard that is being rebuilt: what counts of it is copied to another collection, which then takes its place. */
const ShardRebuild = z.object({
  /** UUID of the collection that it is rebuilt from. */
  from: z.uuid(),
  place: ShardPlace,
  /** Whether the copy is being put in its place: writers wait for the verdict on it. */
  closing: z.boolean(),
})
export type ShardRebuild = z.infer<typeof ShardRebuild>

/** What is recorded of a shard's rebuilding. */
export interface RebuildState {
  rebuild: ShardRebuild
  /**
   * On the copy, said once and for all, also by who gives it up: a mover that was stopped meanwhile cannot put it in its
   * place any more. Undefined while nobody has said it.
   */
  verdict: Verdict | undefined
}

/** Whether the copy is being put in its place at this moment. */
export const isClosing = (state: RebuildState | undefined): boolean =>
  state?.rebuild.closing === true && state.verdict === undefined

export const rebuildNameOf = (shard: number): string => `rebuild ${shard}`

/** @param values of records by their ids */
export function rebuildIn(
  values: ReadonlyMap<string, string>,
  shard: number,
): RebuildState | undefined {
  const name = rebuildNameOf(shard)
  const value = values.get(name)
  if (value === undefined) return undefined
  const rebuild = parseRecorded(ShardRebuild, value, `the rebuilding of shard ${shard}`)
  const verdict = values.get(verdictIdOf(name, rebuild.place.collection))
  return { rebuild, verdict: verdict as Verdict | undefined }
}
