import type { Where } from 'chromadb'
import { LRUCache } from 'lru-cache'
import { type Millis, minutes } from '../../infra/units.ts'
import type { ChromaCollection, StoredRecord } from '../chroma/collection.ts'
import { byDistance, type Ranked, rank } from './rank.ts'

const STORED: ('metadatas' | 'documents')[] = ['metadatas', 'documents']

const FEWEST_RANKED = 25
const RECORDS_PER_RANKED = 120
/** Their vectors take 4 MB on the wire. */
const MOST_RANKED = 500

/**
 * Up to how many chunks all of them are fetched and ranked exactly; above, Chroma's index is asked, which walks the
 * graph of the whole shard for a filtered query. Where the two take as long was measured with 384 dimensions on 2
 * cores: at some 30 chunks in a shard of 1,200 records, 110 in one of 10,000, 270 in one of 30,000.
 * @param records of the shard
 */
export const mostRanked = (records: number): number =>
  Math.min(MOST_RANKED, Math.floor(FEWEST_RANKED + records / RECORDS_PER_RANKED))

const KNOWN = 10_000
const KNOWN_FOR: Millis = minutes(5)

/**
 * Finds the nearest records, by whichever of the two ways is the faster for what the filter matches. A shard's size
 * and which filters match too many to rank are remembered for a while; that saves requests and decides nothing but
 * the way.
 */
export class Nearest {
  readonly #sizes = new LRUCache<ChromaCollection, number>({ max: KNOWN, ttl: KNOWN_FOR })
  readonly #many = new LRUCache<string, true>({ max: KNOWN, ttl: KNOWN_FOR })

  async find(
    records: ChromaCollection,
    where: Where,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<Ranked<StoredRecord>[]> {
    const key = JSON.stringify(where)
    if (!this.#many.has(key)) {
      const most = mostRanked(await this.#sizeOf(records, signal))
      const options = { include: [...STORED, 'embeddings' as const], limit: most + 1 }
      const all = await records.get(where, options, signal)
      if (all.length <= most) return rank(all, vector, count)
      this.#many.set(key, true)
    }
    return byDistance(await records.query(where, vector, { count, include: STORED }, signal))
  }

  async #sizeOf(records: ChromaCollection, signal: AbortSignal | undefined): Promise<number> {
    const known = this.#sizes.get(records)
    if (known !== undefined) return known
    const size = await records.size(signal)
    this.#sizes.set(records, size)
    return size
  }
}
