import { encode } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { TraceSearch } from '../chroma-files/traces.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { EVERYTHING } from '../store/shards/creators-records.ts'

/** Records that are read at once. */
const PAGE = 1000

/**
 * Texts and vectors that creators have who were not forgotten: two may have put the same document in. Reads all there is.
 * @returns their positions among the traces
 */
export async function tracesAmongOthers(
  knowledge: Knowledge,
  traces: string,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const search = new TraceSearch(traces)
  const { shards } = await knowledge.generations.newest(signal)
  const look = async (records: ChromaCollection) => {
    for (let end = await records.size(signal); end > 0; end -= PAGE) {
      const start = Math.max(0, end - PAGE)
      for (const { text = '', vector = [] } of await records.page(
        start,
        end - start,
        EVERYTHING,
        signal,
      )) {
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
