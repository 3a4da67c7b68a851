import type { TextEmbedder } from './embedder.ts'
import { chunk } from './records/chunk.ts'
import type { NewDocument, ReadyDocument } from './records/document.ts'
import { VECTORS } from './records/metadata.ts'

/**
 * Cuts and embeds the texts of documents, and checks the vectors that came with others.
 * @param writer whose texts are embedded one batch after another; writers take turns
 */
export async function makeReady(
  embedder: TextEmbedder,
  documents: readonly NewDocument[],
  writer: string,
  signal: AbortSignal | undefined,
): Promise<ReadyDocument[]> {
  const texts = documents.map(document =>
    'text' in document ? chunk(document.text, embedder.chunkLength) : [],
  )
  const vectors = (await embedder.documents(texts.flat(), writer, signal)).values()
  return documents.map((document, position) => ({
    id: document.id,
    vectors: 'text' in document ? VECTORS.embedded : VECTORS.given,
    metadata: document.metadata ?? {},
    chunks:
      'text' in document
        ? texts[position]!.map(text => ({ text, vector: vectors.next().value! }))
        : document.chunks.map(({ text, vector }) => ({ text, vector: embedder.accept(vector) })),
  }))
}
