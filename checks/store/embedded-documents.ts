import type { TextEmbedder } from './embedder.ts'
import { chunk } from './records/chunk.ts'
import type { NewDocument, ReadyDocument } from './records/document.ts'
import { VECTORS } from './records/metadata.ts'

/** Cuts and embeds the texts of documents, all in one go, and checks the vectors that came with others. */
export async function makeReady(
  embedder: TextEmbedder,
  documents: readonly NewDocument[],
  signal: AbortSignal | undefined,
): Promise<ReadyDocument[]> {
  const texts = documents.map(document =>
    'text' in document ? chunk(document.text, embedder.chunkLength) : [],
  )
  const vectors = (await embedder.documents(texts.flat(), signal)).values()
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
