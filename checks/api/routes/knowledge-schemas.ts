import { z } from 'zod'
import { MAX_CREATOR_ID_BYTES } from '../../store/creator-id.ts'
import {
  AllMatch,
  AnyMatches,
  FieldMatches,
  Filter,
  FilterOfAnySize,
} from '../../store/filter/filter.ts'
import { CallerMetadata } from '../../store/records/metadata.ts'
import { MAX_DOCUMENT_ID_BYTES } from '../../store/records/record-id.ts'
import {
  CHUNK_TEXT,
  DOCUMENT_CHUNKS,
  DOCUMENT_METADATA,
  DOCUMENT_TEXT,
  VECTOR,
} from '../traffic/limits.ts'
import { Next } from './paging.ts'

/** The shapes that the creators' routes take and give: one schema checks, documents and types each. */

const Creator = z
  .string()
  .min(1)
  .max(MAX_CREATOR_ID_BYTES)
  .describe('The id of the creator: opaque, compared byte by byte, in Unicode form NFC')
const DocumentId = z.string().min(1).max(MAX_DOCUMENT_ID_BYTES)

export const CreatorPath = z.object({ creator: Creator })
export const DocumentPath = z.object({ creator: Creator, document: DocumentId })

const Vector = z.array(z.number()).min(1).max(VECTOR)

const Metadata = CallerMetadata.refine(
  metadata => Buffer.byteLength(JSON.stringify(metadata)) <= DOCUMENT_METADATA,
  `the metadata takes at most ${DOCUMENT_METADATA} bytes as JSON`,
)

const NewText = z.strictObject({
  text: z.string().min(1).max(DOCUMENT_TEXT),
  metadata: Metadata.optional(),
})
const NewChunk = z.strictObject({ text: z.string().max(CHUNK_TEXT), vector: Vector })
const NewChunks = z.strictObject({
  chunks: z.array(NewChunk).min(1).max(DOCUMENT_CHUNKS),
  metadata: Metadata.optional(),
})
export const NewDocument = z.union(
  [NewText, NewChunks],
  'a document is { text } or { chunks: [{ text, vector }] }, and may have metadata',
)

const DocumentInfo = z.object({
  document: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: z.date().describe('When a document of this id was first put in'),
  updatedAt: z.date().describe('When it was last put in'),
})
export const Documents = z.object({ documents: z.array(DocumentInfo), next: Next })
const Chunk = z.object({ index: z.int().nonnegative(), text: z.string() })
export const Document = DocumentInfo.extend({ chunks: z.array(Chunk), next: Next })

export const Stored = z.object({ document: z.string(), chunks: z.int().positive() })
export const Usage = z.object({
  records: z.int().nonnegative().describe('Chunks'),
  bytes: z
    .int()
    .nonnegative()
    .describe('Of texts in UTF-8, metadata as JSON, and four for each number of a vector'),
  maxRecords: z.int().positive().nullable().describe('Null where nothing bounds it'),
  maxBytes: z.int().positive().nullable().describe('Null where nothing bounds it'),
})
export const PARQUET = 'application/vnd.apache.parquet'
/** For clients that know no other type of bytes, as generated ones are. */
export const BYTES = 'application/octet-stream'
const file = { schema: z.any().meta({ type: 'string', format: 'binary' }) }
/** Told of in the document; it is sent as it is read. */
export const ParquetFile = {
  description: 'The file',
  content: { [PARQUET]: file, [BYTES]: file },
}
export const Deleted = z.object({ deletedChunks: z.int().nonnegative() })

const asked = {
  count: z.int().min(1).max(100).optional(),
  filter: Filter.optional(),
  documents: z.array(DocumentId).min(1).max(100).optional(),
}
const TextQuestion = z.strictObject({ text: z.string().min(1).max(8192), ...asked })
const VectorQuestion = z.strictObject({ vector: Vector, ...asked })
export const Question = z.union(
  [TextQuestion, VectorQuestion],
  'a question is { text } or { vector }, and may have count, filter and documents',
)
const Hit = DocumentInfo.extend({
  ...Chunk.shape,
  distance: z.number().describe('1 − cosine: 0 is the same, 2 the opposite'),
})
export const Hits = z.object({ hits: z.array(Hit) })

/** What generated clients call them. */
for (const [id, schema] of Object.entries({
  NewText,
  NewChunk,
  NewChunks,
  NewDocument,
  Stored,
  DocumentInfo,
  Documents,
  Chunk,
  Document,
  Deleted,
  Usage,
  TextQuestion,
  VectorQuestion,
  Question,
  Hit,
  Hits,
  AllMatch,
  AnyMatches,
  FieldMatches,
  Filter: FilterOfAnySize,
})) {
  z.globalRegistry.add(schema, { id })
}
