import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../infra/failure.ts'
import { databaseOf, firstShardMap } from '../../infra/shards.ts'
import { formatRest, type Millis, seconds } from '../../infra/units.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { Pace } from '../store/pace.ts'
import { countRecords } from '../store/shards/count-records.ts'
import type { ShardCollections } from '../store/shards/shard-collections.ts'
import { creatorsOf, type ShardCreator } from '../store/shards/shard-creators.ts'
import { type MoveTarget, NO_KEY } from '../store/shards/shard-move.ts'
import { findCopied } from './compare-shard.ts'
import { findMove } from './find-move.ts'
import type { Move } from './move.ts'
import { type CopiedShard, copyShard, switchShard } from './move-shard.ts'
import { describePlace, flagsOf, isSamePlace, type Place, placeOf } from './place.ts'
import { endRebuild } from './rebuild-shard.ts'
import { RecordWriter } from './record-writer.ts'
import { together } from './together.ts'

/** A server that takes longer to put a request in that it has been sent takes longer for the next mover's first one too. */
const ON_ITS_WAY: Millis = seconds(3)

export interface ReshardOptions {
  /** Shards that there are to be. */
  shards: number
  /** Chroma servers that they are spread over: the first of those that there are. All of them when absent. */
  instances?: number
  /** The model that their texts are embedded by anew; the one that made their vectors when absent. */
  embeddingModel?: string | undefined
  /** Records a second at most; undefined for as many as can be. */
  rate?: number | undefined
  signal: AbortSignal
  /** Told what is being done. */
  report(text: string): void
}

/** What a move came to. */
export interface Resharded {
  generation: number
  shards: number
  /** The model that made the vectors that there are now. */
  embeddingModel: string
  /** Records that were copied by this call. */
  copied: number
  /** Creators that were switched by this call. */
  creators: number
  /** Collections that were left where they are, with records that the store did not write. */
  kept: string[]
  /** The longest time for which writers of a creator had to wait, in milliseconds. */
  longestClosed: number
}

/**
 * Moves all creators to as many shards, of another generation, while they are read and written. It goes on where it was
 * stopped or killed, and does nothing when all are there. What they had before is compared before they are switched, and
 * deleted at the end.
 * @throws Failure `misused` when a move to another count is under way; `refused` as switchShard does
 */
export async function reshard(knowledge: Knowledge, options: ReshardOptions): Promise<Resharded> {
  const { signal, report, shards } = options
  const found = await findMove(knowledge, signal)
  const result = { copied: 0, creators: 0, kept: [] as string[], longestClosed: 0 }
  const { from } = found
  const pace = new Pace(options.rate, signal)
  // Of one that was killed before it deleted what creators had left.
  for (const { shards } of found.left) {
    result.kept.push(...(await deleteRecords(shards, pace, signal)))
  }
  const { length } = from.shards.servers
  const { embeddingModel = from.shards.settings.embeddingModel } = options
  const wanted = {
    generation: from.shards.settings.generation + 1,
    shards,
    map: firstShardMap(shards, options.instances ?? length),
    embeddingModel,
  }
  if (found.target === undefined && isSamePlace(placeOf(from), wanted)) {
    return { ...result, generation: wanted.generation - 1, shards, embeddingModel }
  }
  const target = { ...(found.target ?? wanted) }
  target.embeddingModel ??= from.shards.settings.embeddingModel
  if (!isSamePlace(target, wanted)) throw otherMove(target, wanted)
  const to = knowledge.generations.open(target)
  // What a killed mover had sent may still be on its way.
  if (found.target !== undefined) await sleep(ON_ITS_WAY, undefined, { signal })
  // Of a move that goes on, how many are there already is not counted.
  const total = found.target === undefined ? await countRecords(from.shards, signal) : 0
  const started = performance.now()
  const move: Move = {
    from,
    to,
    embedsAnew: target.embeddingModel !== from.shards.settings.embeddingModel,
    signal,
    pace,
    onCopied(records) {
      result.copied += records
      const rest = formatRest(result.copied, total, performance.now() - started)
      report(`${result.copied} records copied${rest}`)
    },
  }
  for (const shard of all(from.shards)) await endRebuild(from, shard, signal)
  const copiedBefore = await creatorsIn(to.shards, signal)
  await begin(from.shards, target, signal)
  const copied: CopiedShard[] = []
  const writer = new RecordWriter(to.shards, signal, pace)
  for (const shard of all(from.shards))
    copied.push(await copyShard(move, shard, writer, copiedBefore))
  await writer.flush()
  if (copiedBefore === undefined) {
    const contents = new Map(copied.map(({ shard, content }) => [shard, content]))
    await findCopied(move, all(to.shards), contents)
  }
  await together(pace, copied, async each => {
    report(`switching shard ${each.shard + 1} of ${copied.length}`)
    const { creators, longestClosed } = await switchShard(move, target, each)
    result.creators += creators
    result.longestClosed = Math.max(result.longestClosed, longestClosed)
  })
  result.kept.push(...(await deleteRecords(from.shards, pace, signal)))
  return { ...result, generation: target.generation, shards, embeddingModel }
}

/**
 * Takes back a move of which no creator has moved yet.
 * @returns whether there was one
 * @throws Failure `misused` when some have: then it can only be ended, and gone back by another
 */
export async function undoReshard(knowledge: Knowledge, signal: AbortSignal): Promise<boolean> {
  const { from, target, hasMoved } = await findMove(knowledge, signal)
  if (target === undefined) return false
  if (hasMoved) {
    throw new Failure('misused', `Creators have moved to ${describePlace(target)} already`, {
      mend: `end it, then move back: npm run reshard -- ${flagsOf(target)}, npm run reshard -- ${flagsOf(placeOf(from))}`,
    })
  }
  for (const shard of all(from.shards)) await from.shards.layouts.forgetMove(shard)
  for (const server of from.shards.servers) {
    await server.deleteDatabase(databaseOf(target.generation), signal)
  }
  knowledge.generations.forget(target)
  return true
}

const all = ({ settings }: ShardCollections): number[] =>
  Array.from({ length: settings.shards }, (_, shard) => shard)

/** The creators of all shards that there are; undefined where there are none. */
async function creatorsIn(
  shards: ShardCollections,
  signal: AbortSignal,
): Promise<ShardCreator[] | undefined> {
  const existing = [...(await shards.existing(signal)).keys()]
  if (existing.length === 0) return undefined
  const found: ShardCreator[] = []
  for (const shard of existing) found.push(...(await creatorsOf(shards, shard, signal)).creators)
  return found
}

/** From here on every process looks whether a creator has moved. */
async function begin(
  shards: ShardCollections,
  target: MoveTarget,
  signal: AbortSignal,
): Promise<void> {
  const records = await shards.layouts.readAll(shards.settings.shards, signal)
  for (const [shard, { move }] of records.entries()) {
    if (move === undefined) await shards.layouts.recordMove(shard, { ...target, through: NO_KEY })
  }
}

/** @returns collections that have something else */
async function deleteRecords(
  shards: ShardCollections,
  pace: Pace,
  signal: AbortSignal,
): Promise<string[]> {
  const kept: string[] = []
  await together(pace, await shards.existing(signal), async ([shard, { name }]) => {
    const { others } = await creatorsOf(shards, shard, signal)
    if (others > 0) kept.push(`${shards.database}/${name}`)
    else await shards.server(shard).deleteCollection(shards.database, name, signal)
  })
  return kept
}

const otherMove = (under: Place, wanted: Place): Failure =>
  new Failure(
    'misused',
    `A move to ${describePlace(under)} is under way, and not to ${describePlace(wanted)}`,
    {
      mend: `end it: npm run reshard -- ${flagsOf(under)}; or take it back, while nobody has moved: npm run reshard -- --undo`,
    },
  )
