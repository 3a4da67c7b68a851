import { Failure } from '../../infra/failure.ts'
import type { NewRecord, StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { CreatorId } from '../store/creator-id.ts'
import { embedRecords } from '../store/embed-texts.ts'
import { CurrentVersions } from '../store/records/current-versions.ts'
import { creatorOf } from '../store/records/record-id.ts'
import { currentIds, EVERYTHING, TEXTS, whereCreators } from '../store/shards/creators-records.ts'
import type { ShardCreator } from '../store/shards/shard-creators.ts'
import { ServerError } from '../transport/server-error.ts'
import type { CopiedContent } from './copied-content.ts'
import { asCopied, type Move } from './move.ts'
import type { RecordWriter } from './record-writer.ts'

/** Records that are read at once. */
const READ = 1000
/** Of a part that has no more, all are read without a look at which there are. */
const TOGETHER = 2000

const recordsOf = (part: readonly ShardCreator[]): number =>
  part.reduce((sum, { records }) => sum + records, 0)

/** Copies creators of a shard to where they are to be in another generation. */
export class CreatorCopier {
  readonly #move: Move
  readonly #shard: number
  readonly #writer: RecordWriter

  /** @param writer of the generation that they are copied to: what it was given is there once it is flushed */
  constructor(move: Move, shard: number, writer: RecordWriter) {
    this.#move = move
    this.#shard = shard
    this.#writer = writer
  }

  /**
   * Makes what the creators have there what they have here, once the writer is flushed.
   * @param content told of what is read where nobody ever began to copy one of them; undefined where somebody has
   */
  async copy(part: readonly ShardCreator[], content?: CopiedContent): Promise<void> {
    const { from, signal, pace, embedsAnew } = this.#move
    const most = pace.atMost(READ)
    const creators = part.map(({ creator }) => creator)
    // Embedding takes so long that each slice of it is worth being told of.
    const isTogether =
      content !== undefined && !embedsAnew && recordsOf(part) <= pace.atMost(TOGETHER)
    const copy = async (records: ChromaCollection) => {
      const write = async (found: readonly StoredRecord[]) => {
        content?.read(found.map(record => asCopied(record, embedsAnew)))
        await this.#write(found)
      }
      if (isTogether) {
        const found = await this.#read(records, creators, {})
        const versions = CurrentVersions.among(found.map(({ id }) => id))
        return write(found.filter(({ id }) => versions.has(id)))
      }
      const wanted = await currentIds(records, creators, signal)
      const missing = content ? wanted : await this.#missing(creators, new Set(wanted))
      for (let start = 0; start < missing.length; start += most) {
        const ids = missing.slice(start, start + most)
        await write(await this.#read(records, creators, { ids }))
      }
    }
    return from.shards.readShard(this.#shard, undefined, copy, signal)
  }

  async #write(found: readonly StoredRecord[]): Promise<void> {
    const { to, signal, embedsAnew, onCopied } = this.#move
    const copies = embedsAnew
      ? await embedRecords(to.embedder, found, signal)
      : (found as readonly NewRecord[])
    for (const [shard, own] of Map.groupBy(copies, ({ id }) => this.#shardOf(id))) {
      await this.#writer.write(shard, own)
    }
    onCopied(found.length)
  }

  #shardOf(id: string): number {
    return this.#move.to.shards.of(creatorOf(id) as CreatorId)
  }

  /** Takes away what the creators have there and not here. @returns those of the wanted that are not there */
  async #missing(creators: readonly CreatorId[], wanted: ReadonlySet<string>): Promise<string[]> {
    const there = new Set<string>()
    const { signal } = this.#move
    const { shards } = this.#move.to
    for (const [shard, own] of Map.groupBy(creators, creator => shards.of(creator))) {
      const tidy = async (records: ChromaCollection) => {
        const where = whereCreators(own)
        const found = await records.get(where, { include: [] }, signal)
        const over = found.map(({ id }) => id).filter(id => !wanted.has(id))
        if (over.length > 0) await records.delete(where, over, signal)
        for (const { id } of found) there.add(id)
      }
      await shards.readShard(shard, undefined, tidy, signal)
    }
    return [...wanted].filter(id => !there.has(id))
  }

  /** What was deleted meanwhile is not among them. */
  async #read(
    records: ChromaCollection,
    creators: readonly CreatorId[],
    among: { ids: string[] } | object,
  ): Promise<StoredRecord[]> {
    try {
      const { embedsAnew, signal } = this.#move
      const options = { ...among, include: embedsAnew ? TEXTS : EVERYTHING }
      return await records.get(whereCreators(creators), options, signal)
    } catch (error) {
      if (!(error instanceof ServerError && error.reason === 'faulty')) throw error
      throw new Failure(
        'unavailable',
        `Vectors of shard ${this.#shard} cannot be read: ${error.message}`,
        { mend: 'find and mend what is lost, then go on: npm run doctor -- --fix', cause: error },
      )
    }
  }
}
