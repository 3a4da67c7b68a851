import { Failure } from '../../../infra/failure.ts'
import type { NewRecord, StoredRecord } from '../../chroma/chroma-records.ts'
import type { CreatorId } from '../creator-id.ts'
import {
  type CallerMetadata,
  callerPart,
  parseMetadata,
  RECORD_KEYS,
  type VECTORS,
  writtenAt,
} from './metadata.ts'
import { type DocumentVersion, parseDocumentId, recordId } from './record-id.ts'

/** A document as callers send it: its text, or its chunks with their vectors. Metadata goes onto each chunk. */
export type NewDocument = { id: string; metadata?: CallerMetadata } & (
  | { text: string }
  | { chunks: { text: string; vector: number[] }[] }
)

/** A chunk as callers get it back. */
export interface Chunk {
  document: string
  /** Position in the document, from 0. */
  index: number
  text: string
  metadata: CallerMetadata
  /** When a document of this id was first put in. */
  createdAt: Date
  /** When it was last put in. */
  updatedAt: Date
}

/** A document that was checked, with every chunk's vector known. */
export interface ReadyDocument {
  id: string
  /** Where the vectors are from; undefined where nobody knows. */
  vectors: keyof typeof VECTORS | undefined
  metadata: CallerMetadata
  chunks: { text: string; vector: number[] }[]
  /** When it was first and last put in, in Unix milliseconds, where that is not now. */
  createdAt?: number
  updatedAt?: number
}

/** An id tells of no more: see chunkOf. */
const MOST_CHUNKS = 999_999

/** @throws Failure `misused` naming the document, when an id comes twice or something about one is wrong */
export function checkDocuments(documents: readonly NewDocument[]): void {
  const seen = new Set<string>()
  for (const document of documents) {
    const id = parseDocumentId(document.id)
    if (seen.has(id)) throw wrong(id, 'comes twice in one call')
    seen.add(id)
    parseMetadata(document.metadata ?? {}, id)
    const texts = 'text' in document ? [document.text] : document.chunks.map(chunk => chunk.text)
    if (texts.every(text => text.trim() === '')) throw wrong(id, 'has no text')
    if (texts.length > MOST_CHUNKS) {
      throw wrong(id, `has ${texts.length} chunks; allowed are ${MOST_CHUNKS}`)
    }
    if (texts.some(text => !text.isWellFormed())) {
      throw wrong(id, 'holds half of a surrogate pair: it is no Unicode text')
    }
    // With one in the middle of a text, newer SQLites call the shard's full-text index malformed.
    if (texts.some(text => text.includes('\0'))) {
      throw wrong(id, 'holds the character U+0000: take it out')
    }
  }
}

const wrong = (id: string, why: string) =>
  new Failure('misused', `The document ${JSON.stringify(id)} ${why}`)

/**
 * The records of a document's version, the first chunk last: with it the version counts.
 * @param now Unix milliseconds
 */
export function documentRecords(
  creator: CreatorId,
  document: ReadyDocument,
  version: Omit<DocumentVersion, 'count'>,
  now: number,
  added: Record<string, string>,
): NewRecord[] {
  const whole = { ...version, count: document.chunks.length }
  const { createdAt = now, updatedAt = now } = document
  const records = document.chunks.map(({ text, vector }, index) => ({
    id: recordId(creator, document.id, whole, index),
    text,
    vector,
    metadata: {
      ...document.metadata,
      ...added,
      [RECORD_KEYS.creator]: creator,
      [RECORD_KEYS.document]: document.id,
      [RECORD_KEYS.chunk]: index,
      [RECORD_KEYS.createdAt]: createdAt,
      ...(updatedAt > createdAt && { [RECORD_KEYS.updatedAt]: updatedAt }),
      ...(index === 0 && { [RECORD_KEYS.head]: creator }),
      ...(index === 0 &&
        document.vectors !== undefined && { [RECORD_KEYS.vectors]: document.vectors }),
    },
  }))
  return [...records.slice(1), ...records.slice(0, 1)]
}

export function toChunk(record: StoredRecord): Chunk {
  const metadata = record.metadata ?? {}
  return {
    document: String(metadata[RECORD_KEYS.document]),
    index: Number(metadata[RECORD_KEYS.chunk]),
    text: record.text ?? '',
    metadata: callerPart(metadata),
    createdAt: new Date(Number(metadata[RECORD_KEYS.createdAt])),
    updatedAt: new Date(writtenAt(metadata)),
  }
}
