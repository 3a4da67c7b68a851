import { randomUUID } from 'node:crypto'
import { collectionOf } from '../../infra/shards.ts'
import { slicesFromEnd } from '../chroma/batches.ts'
import type { NewRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { Generation } from '../store/generations.ts'
import { Pace } from '../store/pace.ts'
import { chunkOf } from '../store/records/record-id.ts'
import { EVERYTHING } from '../store/shards/creators-records.ts'
import { ShardCollections } from '../store/shards/shard-collections.ts'
import {
  type LayoutRecord,
  LayoutRecords,
  type ShardRecords,
} from '../store/shards/shard-layout.ts'
import { SPACE } from '../store/shards/shard-metadata.ts'
import { LAST_KEY, NO_KEY } from '../store/shards/shard-move.ts'
import type { ShardPlace } from '../store/shards/shard-place.ts'
import { findCopied } from './compare-shard.ts'
import type { Move } from './move.ts'
import { copyShard, SwitchStayed, switchRange } from './move-shard.ts'
import { RecordWriter } from './record-writer.ts'

/** Records that are looked at once for those that the store did not write. */
const PAGE = 2000

export interface RebuildOptions {
  /** Records a second at most; undefined for as many as can be. */
  rate?: number | undefined
  signal: AbortSignal
  /** Told what is being done. */
  report(text: string): void
}

/** What a rebuild came to. */
export interface RebuiltShard {
  shard: number
  /** Index of its Chroma server. */
  instance: number
  /** Records that it has: those that count. */
  records: number
  /** The time for which its writers had to wait, in milliseconds. */
  closed: number
}

/** Writers that have waited too long give a copy up, and the next is begun anew. */
const TRIES = 3

/**
 * Copies what counts of a shard to a collection of its own, which takes the shard's place, while it is read and written.
 * What was deleted, and what writers that were killed have left, is in no file of the new one. Killed, it is begun anew.
 * @param from the generation of all creators: none are being moved
 * @returns undefined where there is no such shard
 * @throws Failure `refused` when a creator does not have in the copy what it has in the shard; `unavailable` when writers
 *   could not wait
 */
export async function rebuildShard(
  from: Generation,
  shard: number,
  options: RebuildOptions,
): Promise<RebuiltShard | undefined> {
  for (let tried = 1; ; tried += 1) {
    await endRebuild(from, shard, options.signal)
    if (!(await from.shards.existing(options.signal)).has(shard)) return undefined
    try {
      return await rebuildOnce(from, shard, options)
    } catch (error) {
      if (!(error instanceof SwitchStayed) || tried === TRIES) throw error
    }
  }
}

async function rebuildOnce(
  from: Generation,
  shard: number,
  { rate, signal, report }: RebuildOptions,
): Promise<RebuiltShard> {
  // Recorded before there is another place, so that everybody finds out when it is there.
  await from.shards.open(shard, signal)
  const { layouts } = from.shards
  const { layout } = await layouts.read(shard, signal)
  const { place, shards } = await makeCopy(from, shard, layout!, signal)
  let done = 0
  const move: Move = {
    from,
    to: { ...from, shards },
    embedsAnew: false,
    signal,
    pace: new Pace(rate, signal),
    onCopied(records) {
      done += records
      report(`shard ${shard}: ${done} records copied`)
    },
  }
  const rebuild = { from: layout!.layout.collection, place, closing: false }
  await layouts.recordRebuild(shard, rebuild)
  const writer = new RecordWriter(shards, signal, move.pace)
  const copied = await copyShard(move, shard, writer, undefined)
  await copyOthers(move, shard, writer)
  await writer.flush()
  await findCopied(move, [shard], new Map([[shard, copied.content]]))
  const listed = copied.content.creators()
  const everybody = { copied, listed, after: NO_KEY, to: LAST_KEY }
  const { longestClosed } = await switchRange(move, everybody, {
    close: () => layouts.recordRebuild(shard, { ...rebuild, closing: true }),
    settle: () => layouts.settleRebuild(shard, rebuild, 'moved'),
    isRepeatable: false,
  })
  await endRebuild(from, shard, signal)
  const size = (records: ChromaCollection) => records.size(signal)
  const records = await from.shards.readShard(shard, 0, size, signal)
  return { shard, instance: place.instance, records, closed: longestClosed }
}

/**
 * Ends what a rebuild that was killed has left, or one that has come to its verdict: the copy is in its place and what it
 * was made of is deleted, or it is as if nobody had begun.
 */
export async function endRebuild(
  { shards }: Generation,
  shard: number,
  signal: AbortSignal,
): Promise<void> {
  const { layouts } = shards
  const { rebuild: state, layout } = await layouts.read(shard, signal)
  const known = [layout?.layout.collection, state?.rebuild.place.collection, state?.rebuild.from]
  await deleteUnrecorded(shards, shard, known, signal)
  if (state === undefined) return
  const { from, place } = state.rebuild
  // Whoever has begun it may only have been stopped: what is said first holds.
  const verdict = state.verdict ?? (await layouts.settleRebuild(shard, state.rebuild, 'stayed'))
  const isThere = layout?.layout.collection === place.collection
  // By the verdict this is the layout already, and whoever asks is told so, as long as it is not recorded.
  if (verdict === 'moved' && isThere) await layouts.settleLayout(shard, layout)
  await deleteById(shards, place.instance, isThere ? from : place.collection, signal)
  await layouts.forgetRebuild(shard)
}

/** Of who was killed before it said that it has made one: there is nothing in it. */
async function deleteUnrecorded(
  shards: ShardCollections,
  shard: number,
  known: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<void> {
  const { database } = shards
  const server = shards.server(shard)
  const prefix = copyPrefix(shard)
  for (const { id, name } of await server.collections(database, signal)) {
    if (!name.startsWith(prefix) || known.includes(id)) continue
    const size = await server.records(database, id).size(signal)
    if (size === 0) await server.deleteCollection(database, name, signal)
  }
}

const copyPrefix = (shard: number): string => `${collectionOf(shard)}_rebuilt_`

/** Never by name: of that name there may be another by now. */
async function deleteById(
  { servers, database }: ShardCollections,
  instance: number,
  collection: string,
  signal: AbortSignal,
): Promise<void> {
  const server = servers[instance]!
  const found = (await server.collections(database, signal)).find(({ id }) => id === collection)
  if (found !== undefined) await server.deleteCollection(database, found.name, signal)
}

/** A collection beside the shard's, on the same server, and the shard as if it were there. */
async function makeCopy(
  { shards }: Generation,
  shard: number,
  { layout: { instance } }: LayoutRecord,
  signal: AbortSignal,
): Promise<{ place: ShardPlace; shards: ShardCollections }> {
  const { servers, map, database, settings } = shards
  const server = servers[instance]!
  // Of no other: who makes one at the same time, or was stopped meanwhile, has its own.
  const name = copyPrefix(shard) + randomUUID().replaceAll('-', '')
  const { metadata } = settings
  const { id } = await server.ensureCollection(database, name, { space: SPACE, metadata }, signal)
  const place = { instance, collection: id, name }
  const copy = new ShardCollections(servers, map, new CopyLayout(place), database, settings)
  return { place, shards: copy }
}

/** A shard that is in one place, and does not move. */
class CopyLayout extends LayoutRecords {
  readonly #records: ShardRecords

  constructor(place: ShardPlace) {
    super(() => {
      throw new Error('Nothing is recorded of a copy')
    })
    const layout = { version: 1, ...place }
    const record = { value: JSON.stringify(layout), layout }
    this.#records = { layout: record, move: undefined, rebuild: undefined, freeze: undefined }
  }

  override async read(): Promise<ShardRecords> {
    return this.#records
  }
}

/** What the store did not write is nobody's to leave out. */
async function copyOthers(
  { from, signal }: Move,
  shard: number,
  writer: RecordWriter,
): Promise<void> {
  const copy = async (records: ChromaCollection) => {
    for (const { offset, limit } of slicesFromEnd(await records.size(signal), PAGE)) {
      const ids = await records.ids(offset, limit, signal)
      if (ids.every(id => chunkOf(id) !== undefined)) continue
      const found = await records.page(offset, limit, EVERYTHING, signal)
      const others = found.filter(({ id }) => chunkOf(id) === undefined)
      await writer.write(shard, others as NewRecord[])
    }
  }
  await from.shards.readShard(shard, undefined, copy, signal)
}
