import type { NewRecord, StoredRecord } from '../chroma/chroma-records.ts'
import { ServerError } from '../transport/server-error.ts'
import type { TextEmbedder } from './embedder.ts'
import { chunk } from './records/chunk.ts'
import { RECORD_KEYS, VECTORS } from './records/metadata.ts'

/** Its texts take turns with those of other writers. */
const ANEW = 'anew'

/** What becomes of a record's metadata: whoever gave its vector, the model makes it from now on. */
export function embeddedMetadata(metadata: StoredRecord['metadata']): NewRecord['metadata'] {
  const own = metadata as NewRecord['metadata']
  return own[RECORD_KEYS.vectors] === undefined
    ? own
    : { ...own, [RECORD_KEYS.vectors]: VECTORS.embedded }
}

/** Records with vectors of another model, made of their texts. */
export async function embedRecords(
  embedder: TextEmbedder,
  records: readonly StoredRecord[],
  signal: AbortSignal,
): Promise<NewRecord[]> {
  const texts = records.map(({ text }) => text ?? '')
  const vectors = await embedTexts(embedder, texts, signal)
  return records.map(({ id, metadata }, index) => ({
    id,
    text: texts[index]!,
    metadata: embeddedMetadata(metadata),
    vector: vectors[index]!,
  }))
}

/**
 * The vectors of texts that were cut for another model. Of one that is longer than this one takes at once, the mean of
 * those of its parts, each by its length, as OpenAI's cookbook has it (Embedding texts that are longer than the model's
 * maximum context length): to cut the chunk itself would change the document.
 */
export async function embedTexts(
  embedder: TextEmbedder,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<number[][]> {
  try {
    return await embedder.documents(texts, ANEW, signal)
  } catch (error) {
    const isTooLong = error instanceof ServerError && error.reason === 'rejected'
    if (!isTooLong || !texts.some(({ length }) => length > embedder.chunkLength)) throw error
  }
  if (texts.length === 1) {
    const parts = chunk(texts[0]!, embedder.chunkLength)
    const vectors = await embedder.documents(parts, ANEW, signal)
    return [meanOf(vectors.map((vector, index) => ({ vector, weight: parts[index]!.length })))]
  }
  const half = Math.ceil(texts.length / 2)
  return [
    ...(await embedTexts(embedder, texts.slice(0, half), signal)),
    ...(await embedTexts(embedder, texts.slice(half), signal)),
  ]
}

/** Their lengths are 1 before, and need not be after: only its direction counts. */
function meanOf(weighted: readonly { vector: readonly number[]; weight: number }[]): number[] {
  const all = weighted.reduce((sum, { weight }) => sum + weight, 0)
  return weighted[0]!.vector.map((_, part) =>
    weighted.reduce((sum, { vector, weight }) => sum + (vector[part]! * weight) / all, 0),
  )
}
