import type { SchemaElement } from 'hyparquet'
import type { ColumnSource } from 'hyparquet-writer'
import { z } from 'zod'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import { callerPart, RECORD_KEYS, VECTORS, writtenAt } from '../store/records/metadata.ts'

/** A chunk as an archive has it: a row of a Parquet file. Chunks of a document come one after another, in their order. */
export const ArchivedRow = z.object({
  creator_id: z.string(),
  document_id: z.string(),
  chunk_index: z.int().nonnegative(),
  text: z.string(),
  /** The caller's own. */
  metadata: z.record(z.string(), z.unknown()),
  created_at: z.date(),
  /** When the document was last put in. Archives from before there was this column have none. */
  updated_at: z.date().optional(),
  /** Where the document's vectors are from; null where nobody knows. */
  vectors: z.enum(VECTORS).nullable(),
  /** Its numbers are looked at when they are written: a schema for each takes longer than the rest. */
  embedding: z.custom<number[]>(Array.isArray),
})
export type ArchivedRow = z.infer<typeof ArchivedRow>

const REQUIRED = { repetition_type: 'REQUIRED' } as const
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const

/** The root, then its columns: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
export const SCHEMA: SchemaElement[] = [
  { name: 'root', num_children: 9 },
  { name: 'creator_id', ...TEXT, ...REQUIRED },
  { name: 'document_id', ...TEXT, ...REQUIRED },
  { name: 'chunk_index', type: 'INT32', ...REQUIRED },
  { name: 'text', ...TEXT, ...REQUIRED },
  { name: 'metadata', type: 'BYTE_ARRAY', converted_type: 'JSON', ...REQUIRED },
  { name: 'created_at', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', ...REQUIRED },
  { name: 'updated_at', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', ...REQUIRED },
  { name: 'vectors', ...TEXT, repetition_type: 'OPTIONAL' },
  { name: 'embedding', converted_type: 'LIST', num_children: 1, ...REQUIRED },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'FLOAT', ...REQUIRED },
]

/** Numbers of vectors hardly repeat: neither a dictionary nor compression makes them smaller. */
export const columnsOf = (rows: readonly ArchivedRow[]): ColumnSource[] => [
  { name: 'creator_id', data: rows.map(row => row.creator_id) },
  { name: 'document_id', data: rows.map(row => row.document_id) },
  { name: 'chunk_index', data: rows.map(row => row.chunk_index) },
  { name: 'text', data: rows.map(row => row.text) },
  { name: 'metadata', data: rows.map(row => row.metadata) },
  { name: 'created_at', data: rows.map(row => row.created_at) },
  { name: 'updated_at', data: rows.map(row => row.updated_at ?? row.created_at) },
  { name: 'vectors', data: rows.map(row => row.vectors) },
  {
    name: 'embedding',
    data: rows.map(row => row.embedding),
    encoding: 'PLAIN',
    codec: 'UNCOMPRESSED',
    statistics: false,
  },
]

export function archivedRow({ metadata, text, vector }: StoredRecord): ArchivedRow {
  const own = metadata ?? {}
  const vectors = own[RECORD_KEYS.vectors]
  return {
    creator_id: String(own[RECORD_KEYS.creator]),
    document_id: String(own[RECORD_KEYS.document]),
    chunk_index: Number(own[RECORD_KEYS.chunk]),
    text: text ?? '',
    metadata: callerPart(own),
    created_at: new Date(Number(own[RECORD_KEYS.createdAt])),
    updated_at: new Date(writtenAt(own)),
    vectors: vectors === VECTORS.embedded || vectors === VECTORS.given ? vectors : null,
    embedding: vector ?? [],
  }
}
