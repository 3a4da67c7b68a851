import { slicesFromEnd } from '../chroma/batches.ts'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { TraceSearch, tracesOf } from '../chroma-files/traces.ts'
import type { Unerased } from '../store/forgotten.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { writtenAt } from '../store/records/metadata.ts'
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
  const things = new Map<string, number[]>()
  for (const [thing, own] of traces.split(' ').entries()) {
    for (const trace of own.split(',').filter(trace => trace.startsWith('n'))) {
      things.set(trace, [...(things.get(trace) ?? []), thing])
    }
  }
  const until = new Map(forgotten.map(each => [each.creator as string, each.until]))
  const isOfBefore = ({ id, metadata }: StoredRecord) => {
    const second = until.get(creatorOf(id) ?? '')
    return second !== undefined && writtenAt(metadata) / 1000 <= second
  }
  const { shards } = await knowledge.generations.newest(signal)
  const look = async (records: ChromaCollection) => {
    for (const { offset, limit } of slicesFromEnd(await records.size(signal), PAGE)) {
      const found = await records.page(offset, limit, EVERYTHING, signal)
      for (const record of found.filter(record => !isOfBefore(record))) {
        const { text = '', vector = [] } = record
        // A phrase of one and a phrase of another are no text of both.
        search.beginAnew()
        search.look(Buffer.from(text))
        // By all forms that it may have in a file: the one that is answered with is none of them to the last bit.
        for (const trace of tracesOf([{ text: '', vector }]).split(',')) {
          for (const thing of things.get(trace) ?? []) search.found.add(thing)
        }
      }
    }
  }
  for (const shard of (await shards.existing(signal)).keys()) {
    await shards.readShard(shard, undefined, look, signal)
  }
  return search.found
}
