import { hash } from 'node:crypto'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import { creatorOf } from '../store/records/record-id.ts'

/** What a creator has: how many records, and a number that stands for their ids, texts and metadata. */
interface ContentDigest {
  records: number
  /** 64 bits, whichever order the records are read in. */
  digest: bigint
}

/** What creators have, in a hundredth of the memory. */
export class ContentDigests {
  readonly #digests = new Map<string, ContentDigest>()

  /** Takes some records of creators, each once. */
  add(found: readonly StoredRecord[]): void {
    for (const record of found) {
      const creator = creatorOf(record.id) ?? ''
      const { records, digest } = this.of(creator)
      const sum = BigInt.asUintN(64, digest + digestOf(record))
      this.#digests.set(creator, { records: records + 1, digest: sum })
    }
  }

  of(creator: string): ContentDigest {
    return this.#digests.get(creator) ?? { records: 0, digest: 0n }
  }
}

function digestOf({ id, text, metadata = {} }: StoredRecord): bigint {
  // Chroma gives metadata back in an order of its own.
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha1', JSON.stringify([id, text, pairs]), 'buffer').readBigUInt64LE()
}
