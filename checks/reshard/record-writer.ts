import type { NewRecord } from '../chroma/chroma-records.ts'
import type { Pace } from '../store/pace.ts'
import type { ShardCollections } from '../store/shards/shard-collections.ts'

/** Requests at once for each server. While one is applied it takes in the next. */
const UNDER_WAY = 2

/**
 * Writes records to the shards of a generation, in requests that are as large as Chroma likes them, while the next are
 * being read.
 */
export class RecordWriter {
  readonly #shards: ShardCollections
  readonly #signal: AbortSignal
  readonly #pace: Pace
  readonly #waiting = new Map<number, NewRecord[]>()
  readonly #underWay = new Set<Promise<void>>()
  #failure: unknown

  constructor(shards: ShardCollections, signal: AbortSignal, pace: Pace) {
    this.#shards = shards
    this.#signal = signal
    this.#pace = pace
  }

  /** @throws what an earlier request failed with */
  async write(shard: number, records: readonly NewRecord[]): Promise<void> {
    const waiting = [...(this.#waiting.get(shard) ?? []), ...records]
    const { batch } = this.#pace
    while (waiting.length >= batch) await this.#send(shard, waiting.splice(0, batch))
    this.#waiting.set(shard, waiting)
  }

  /** All that was given is stored when this is over. */
  async flush(): Promise<void> {
    for (const [shard, waiting] of this.#waiting) {
      if (waiting.length > 0) await this.#send(shard, waiting)
    }
    this.#waiting.clear()
    await this.settled()
    this.#rethrow()
  }

  /** Nothing is under way any more when this is over, also what was given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  async #send(shard: number, records: NewRecord[]): Promise<void> {
    const most = this.#pace.isHeld ? 1 : UNDER_WAY * this.#shards.servers.length
    while (this.#underWay.size >= most) {
      await Promise.race(this.#underWay)
    }
    this.#rethrow()
    await this.#pace.wait(records.length)
    const collection = await this.#shards.open(shard, this.#signal)
    const work: Promise<void> = collection
      .upsert(records, this.#signal)
      .catch(error => {
        this.#failure ??= error
      })
      .finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
