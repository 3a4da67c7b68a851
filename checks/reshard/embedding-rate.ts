import { embedRecords } from '../store/embed-texts.ts'
import type { TextEmbedder } from '../store/embedder.ts'
import type { Generation } from '../store/generations.ts'

/** Texts that are embedded to see how long it takes. */
const TRIED = 64

/**
 * Records a second that a model embeds, by the texts that a generation has.
 * @returns undefined where there is no text
 */
export async function embeddingRate(
  from: Generation,
  embedder: TextEmbedder,
  signal: AbortSignal,
): Promise<number | undefined> {
  const [shard] = (await from.shards.existing(signal)).keys()
  if (shard === undefined) return undefined
  const some = await from.shards.readShard(
    shard,
    [],
    records => records.page(0, TRIED, ['documents', 'metadatas'], signal),
    signal,
  )
  if (some.length === 0) return undefined
  // The model may have to be loaded first.
  await embedRecords(embedder, some.slice(0, 1), signal)
  const began = performance.now()
  await embedRecords(embedder, some, signal)
  return (some.length / (performance.now() - began)) * 1000
}
