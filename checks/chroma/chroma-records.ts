import { z } from 'zod'

/** As the server hands it out. Looked through by hand: a schema per number would cost more than the request. */
const Vector = z.custom<number[]>(
  value => Array.isArray(value) && value.every(part => typeof part === 'number'),
)
/** By hand too: a schema per key takes longer than the rest of the answer's. */
const Metadata = z.custom<Record<string, unknown>>(
  value => typeof value === 'object' && value !== null && !Array.isArray(value),
)
const Text = z.string().nullable()

export const Got = z.object({
  ids: z.array(z.string()),
  metadatas: z.array(Metadata.nullable()).nullish(),
  documents: z.array(Text).nullish(),
  embeddings: z.array(Vector).nullish(),
})

export const Found = z.object({
  ids: z.tuple([z.array(z.string())]),
  metadatas: z.tuple([z.array(Metadata.nullable())]).nullish(),
  documents: z.tuple([z.array(Text)]).nullish(),
  embeddings: z.tuple([z.array(Vector)]).nullish(),
  distances: z.tuple([z.array(z.number())]),
})

export const Deleted = z.object({ deleted: z.int().nonnegative() })

export type Include = 'metadatas' | 'documents' | 'embeddings'

/** A record as it is stored. What was not asked for is undefined. */
export interface StoredRecord {
  id: string
  metadata: Record<string, unknown> | undefined
  text: string | undefined
  vector: number[] | undefined
}

/** A record to be written. A null in the metadata takes the key away: an upsert merges (measured, 1.5.9). */
export interface NewRecord {
  id: string
  metadata: Record<string, string | number | boolean | null>
  text: string
  vector: number[]
}

/** As the server stores it: 32-bit floats. A quarter of the bytes that their digits take. */
export const encode = (vector: readonly number[]): string =>
  Buffer.from(Float32Array.from(vector).buffer).toString('base64')

export function toRecords(answer: z.output<typeof Got>): StoredRecord[] {
  return answer.ids.map((id, index) => ({
    id,
    metadata: answer.metadatas?.[index] ?? undefined,
    text: answer.documents?.[index] ?? undefined,
    vector: answer.embeddings?.[index],
  }))
}
