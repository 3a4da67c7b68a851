import { hash } from 'node:crypto'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import { type CreatorId, creatorKey } from '../store/creator-id.ts'
import { creatorOf } from '../store/records/record-id.ts'
import { inOrder, type ShardCreator } from '../store/shards/shard-creators.ts'

/** What a creator has, in a hundredth of the memory. */
interface CopiedCreator {
  /** As many as were listed, and of these, those that nobody has read to copy them. */
  records: number
  unread: number
  /** What stands for the records that were read and not yet found where they were copied to. */
  unfound: number
}

/** Bytes of what stands for a record, so that a sum of two is a whole number still. */
const BYTES = 6
const LIMIT = 2 ** (8 * BYTES)

/** The creators of a shard, and whether what was read to be copied is what is found where it was copied to. */
export class CopiedContent {
  readonly #creators = new Map<string, CopiedCreator>()

  constructor(listed: readonly ShardCreator[]) {
    for (const { creator, records } of listed) {
      // A part of a record's id holds all of the id in memory.
      const name = Buffer.from(creator).toString()
      this.#creators.set(name, { records, unread: records, unfound: 0 })
    }
  }

  /** In the order in which they move. */
  creators(): ShardCreator[] {
    const listed = [...this.#creators].map(([name, { records }]) => {
      const creator = name as CreatorId
      return { creator, key: creatorKey(creator), records }
    })
    return inOrder(listed)
  }

  /** Takes records that were read to be copied, as they are to be there, each once and in whichever order. */
  read(records: readonly StoredRecord[]): void {
    for (const [copied, digest] of this.#known(records)) {
      copied.unread -= 1
      copied.unfound = (copied.unfound + digest) % LIMIT
    }
  }

  /** Takes records that were found there. */
  found(records: readonly StoredRecord[]): void {
    for (const [copied, digest] of this.#known(records)) {
      copied.unfound = (copied.unfound + LIMIT - digest) % LIMIT
    }
  }

  /** Whether all that was listed of a creator was read, and just that was found: its ids, texts and metadata. */
  isFound(creator: CreatorId): boolean {
    const copied = this.#creators.get(creator)
    return copied?.unread === 0 && copied.unfound === 0
  }

  *#known(records: readonly StoredRecord[]): Generator<[CopiedCreator, digest: number]> {
    for (const record of records) {
      const copied = this.#creators.get(creatorOf(record.id) ?? '')
      if (copied !== undefined) yield [copied, digestOf(record)]
    }
  }
}

/** A whole number below LIMIT. */
function digestOf({ id, text, metadata = {} }: StoredRecord): number {
  // Chroma gives metadata back in an order of its own.
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha1', JSON.stringify([id, text, pairs]), 'buffer').readUIntLE(0, BYTES)
}
