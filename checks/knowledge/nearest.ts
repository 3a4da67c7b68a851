import type { Where } from 'chromadb'
import { LRUCache } from 'lru-cache'
import { type Millis, minutes } from '../../infra/units.ts'
import type { ChromaCollection, StoredRecord } from '../chroma/collection.ts'
import { type Ranked, rank } from './rank.ts'

/**
 * Up to this many chunks, all of them are fetched and ranked exactly; above, Chroma's index is asked.
 * Measured with 30,000 chunks of 384 dimensions in a shard, p50 of 30 on a busy machine of 2 cores, ranking
 * against a filtered query, which walks the graph of the whole shard: 9 against 53 ms for 2 chunks of the
 * creator, 13/78 for 20, 20/68 for 100, 48/58 for 200, 56/43 for 400, 98/42 for 800. A fuller shard moves
 * the crossing up.
 */
export const EXACT_LIMIT = 200

/** More than asked for, so that the index's own rounding of distances does not decide who comes last. */
const MARGIN = 10

const MANY_KNOWN = 10_000
const MANY_KNOWN_FOR: Millis = minutes(5)

/**
 * Finds the nearest records, by whichever of the two ways is the faster for what the filter matches. Which of
 * them were too many to rank is remembered for a while; that saves a request and never changes the result.
 */
export class Nearest {
  readonly #many = new LRUCache<string, true>({ max: MANY_KNOWN, ttl: MANY_KNOWN_FOR })

  async find(
    records: ChromaCollection,
    where: Where,
    vector: number[],
    count: number,
    signal?: AbortSignal,
  ): Promise<Ranked<StoredRecord>[]> {
    const key = JSON.stringify(where)
    const include = ['metadatas', 'documents', 'embeddings'] as const
    if (!this.#many.has(key)) {
      const all = await records.get(
        where,
        { include: [...include], limit: EXACT_LIMIT + 1 },
        signal,
      )
      if (all.length <= EXACT_LIMIT) return rank(all, vector, count)
      this.#many.set(key, true)
    }
    const options = { include: [...include], count: count + MARGIN }
    return rank(await records.query(where, vector, options, signal), vector, count)
  }
}
