import { collectionOf } from '../../infra/shards.ts'
import type { NewRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { Generation } from '../store/generations.ts'
import { Pace } from '../store/pace.ts'
import { creatorOf } from '../store/records/record-id.ts'
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
import type { Move } from './move.ts'
import { copyShard, switchRange } from './move-shard.ts'
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

/**
 * Copies what counts of a shard to a collection of its own, which takes the shard's place, while it is read and written.
 * What was deleted, and what writers that were killed have left, is in no file of the new one. Killed, it is begun anew.
 * @param from the generation of all creators: none are being moved
 * @returns undefined where there is no such shard
 * @throws Failure `refused` when a creator does not have in the copy what it has in the shard
 */
export async function rebuildShard(
  from: Generation,
  shard: number,
  { rate, signal, report }: RebuildOptions,
): Promise<RebuiltShard | undefined> {
  await endRebuild(from, shard, signal)
  if (!(await from.shards.existing(signal)).has(shard)) return undefined
  // Recorded before there is another place, so that everybody finds out when it is there.
  await from.shards.open(shard, signal)
  const { layout } = await from.shards.layouts.read(shard, signal)
  const { place, shards } = await makeCopy(from, shard, layout!, signal)
  let copied = 0
  const move: Move = {
    from,
    to: { ...from, shards },
    embedsAnew: false,
    signal,
    pace: new Pace(rate, signal),
    onCopied(records) {
      copied += records
      report(`shard ${shard}: ${copied} records copied`)
    },
  }
  const { layouts } = from.shards
  const rebuild = { from: layout!.layout.collection, place }
  await layouts.recordRebuild(shard, rebuild)
  const writer = new RecordWriter(shards, signal, move.pace)
  const content = await copyShard(move, shard, writer, undefined)
  await copyOthers(move, shard, writer)
  await writer.flush()
  const { longestClosed } = await switchRange(move, content, EVERYBODY, {
    close: attempt => layouts.recordRebuild(shard, { ...rebuild, attempt }),
    settle: attempt => layouts.settleRebuild(shard, attempt, 'moved'),
  })
  await endRebuild(from, shard, signal)
  const size = (records: ChromaCollection) => records.size(signal)
  const records = await from.shards.readShard(shard, 0, size, signal)
  return { shard, instance: place.instance, records, closed: longestClosed }
}

const EVERYBODY = { after: NO_KEY, to: LAST_KEY }

/**
 * Ends what a rebuild that was killed has left, or one that has come to its verdict: the copy is in its place and what it
 * was made of is deleted, or it is as if nobody had begun.
 */
export async function endRebuild(
  { shards }: Generation,
  shard: number,
  signal: AbortSignal,
): Promise<void> {
  const { layouts, database } = shards
  const { rebuild: state, layout } = await layouts.read(shard, signal)
  if (state === undefined) return
  const { from, place, attempt } = state.rebuild
  // What a killed one said last may still be on its way, and is not heard any more once another has said something.
  const verdict =
    attempt === undefined
      ? 'stayed'
      : (state.verdict ?? (await layouts.settleRebuild(shard, attempt, 'stayed')))
  const server = shards.servers[place.instance]!
  if (verdict === 'stayed') {
    await server.deleteCollection(database, place.name, signal)
  } else {
    // By the verdict this is the layout already, and whoever asks is told so, as long as it is not recorded.
    if (layout?.layout.collection === place.collection) await layouts.settleLayout(shard, layout)
    const old = (await server.collections(database, signal)).find(({ id }) => id === from)
    if (old !== undefined) await server.deleteCollection(database, old.name, signal)
  }
  await layouts.forgetRebuild(shard)
}

/** A collection beside the shard's, on the same server, and the shard as if it were there. */
async function makeCopy(
  { shards }: Generation,
  shard: number,
  { layout: { version, instance } }: LayoutRecord,
  signal: AbortSignal,
): Promise<{ place: ShardPlace; shards: ShardCollections }> {
  const { servers, map, database, settings } = shards
  const server = servers[instance]!
  const name = `${collectionOf(shard)}_rebuilt_${version + 1}`
  // Of a rebuild that was killed before it said which it makes.
  await server.deleteCollection(database, name, signal)
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
    this.#records = { layout: record, move: undefined, rebuild: undefined }
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
    for (let end = await records.size(signal); end > 0; end -= PAGE) {
      const start = Math.max(0, end - PAGE)
      const ids = await records.ids(start, end - start, signal)
      if (ids.every(id => creatorOf(id) !== undefined)) continue
      const found = await records.page(start, end - start, EVERYTHING, signal)
      const others = found.filter(({ id }) => creatorOf(id) === undefined)
      await writer.write(shard, others as NewRecord[])
    }
  }
  await from.shards.readShard(shard, undefined, copy, signal)
}
