import type { TextEmbedder } from './embedder.ts'
import { chunk } from './records/chunk.ts'
import type { NewDocument, ReadyDocument } from './records/document.ts'
import { VECTORS } from './records/metadata.ts'

/** A document with the texts of its chunks. */
export interface CutDocument {
  document: NewDocument
  texts: string[]
}

/** Cuts the texts of documents, where they are not cut already. */
export const cut = (embedder: TextEmbedder, documents: readonly NewDocument[]): CutDocument[] =>
  documents.map(document => ({
    document,
    texts:
      'text' in document
        ? chunk(document.text, embedder.chunkLength)
        : document.chunks.map(({ text }) => text),
  }))

/**
 * Embeds the texts of documents, and checks the vectors that came with others.
 * @param writer whose texts are embedded one batch after another; writers take turns
 */
export async function makeReady(
  embedder: TextEmbedder,
  documents: readonly CutDocument[],
  writer: string,
  signal: AbortSignal | undefined,
): Promise<ReadyDocument[]> {
  const texts = documents.flatMap(({ document, texts }) => ('text' in document ? texts : []))
  const vectors = (await embedder.documents(texts, writer, signal)).values()
  return documents.map(({ document, texts }) => ({
    id: document.id,
    vectors: 'text' in document ? VECTORS.embedded : VECTORS.given,
    metadata: document.metadata ?? {},
    chunks:
      'text' in document
        ? texts.map(text => ({ text, vector: vectors.next().value! }))
        : document.chunks.map(({ text, vector }) => ({ text, vector: embedder.accept(vector) })),
  }))
}
