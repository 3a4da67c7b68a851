import { encode, type StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { TraceSearch } from '../chroma-files/traces.ts'
import type { Unerased } from '../store/forgotten.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { creatorOf } from '../store/records/record-id.ts'
import { EVERYTHING } from '../store/shards/creators-records.ts'

/** Records that are read at once. */
const PAGE = 1000

/**
 * Texts and vectors that others have too: two creators may have put the same document in, and who was forgotten may have
 * come again. Reads all there is.
 * @param forgotten those whose records of before are none of it
 * @returns their positions among the traces
 */
export async function tracesAmongOthers(
  knowledge: Knowledge,
  traces: string,
  forgotten: readonly Unerased[],
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const search = new TraceSearch(traces)
  const until = new Map(forgotten.map(each => [each.creator as string, each.until]))
  const isOfBefore = ({ id, metadata }: StoredRecord) => {
    const second = until.get(creatorOf(id) ?? '')
    return second !== undefined && writtenAt(metadata) <= second
  }
  const { shards } = await knowledge.generations.newest(signal)
  const look = async (records: ChromaCollection) => {
    for (let end = await records.size(signal); end > 0; end -= PAGE) {
      const start = Math.max(0, end - PAGE)
      const found = await records.page(start, end - start, EVERYTHING, signal)
      for (const record of found.filter(record => !isOfBefore(record))) {
        const { text = '', vector = [] } = record
        // A phrase of one and a phrase of another are no text of both.
        search.beginAnew()
        search.look(Buffer.from(text))
        search.look(Buffer.from(encode(vector), 'base64'))
      }
    }
  }
  for (const shard of (await shards.existing(signal)).keys()) {
    await shards.readShard(shard, undefined, look, signal)
  }
  return search.found
}

/** In Unix seconds. */
const writtenAt = (metadata: StoredRecord['metadata']): number =>
  Number(metadata?.[RECORD_KEYS.createdAt] ?? 0) / 1000
