import { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'
import { explain } from './explain-issue.ts'
import { bounded, isObject } from './json-size.ts'

/** Keys that every record carries and that a caller can neither set nor ask for. */
export const RECORD_KEYS = {
  creator: 'creator_id',
  document: 'document_id',
  /** Position of the chunk in its document, from 0. */
  chunk: 'chunk_index',
  /** When a document of this id was first put in, in Unix milliseconds: Chroma compares numbers only. */
  createdAt: 'created_at',
  /** When the document's version was written, in Unix milliseconds, where that was later. */
  updatedAt: 'knowledge_updated',
  /** On the verification's records alone, so that what a killed run left can be found. */
  reservedFor: 'reserved_for',
  /** The creator once more, on the first chunk of each document's version: finds its versions without the rest. */
  head: 'knowledge_head',
  /** On the first chunk of a document's version: whether its vectors are VECTORS.embedded or VECTORS.given. */
  vectors: 'knowledge_vectors',
  /** Of records that a version before this one wrote. */
  addition: 'knowledge_addition',
} as const

/** Where the vectors of a document are from; nobody can make those again that a caller gave. */
export const VECTORS = { embedded: 'embedded', given: 'given' } as const

export const VERIFICATION = 'verification'
/** What the verification's records carry besides. */
export const VERIFICATION_MARKS = { [RECORD_KEYS.reservedFor]: VERIFICATION }

const RESERVED_KEYS: ReadonlySet<string> = new Set(Object.values(RECORD_KEYS))
const MAX_KEYS = 32
const MAX_KEY_BYTES = 128
const MAX_VALUE_BYTES = 4096

/** A metadata key of the caller's: in what is stored and in what is asked for. */
export const MetadataKey = z
  .string()
  .min(1, 'a key is not empty')
  .refine(
    key => Buffer.byteLength(key) <= MAX_KEY_BYTES,
    `a key takes at most ${MAX_KEY_BYTES} bytes`,
  )
  .refine(key => key.isWellFormed(), 'a key is well-formed Unicode')
  .refine(key => !RESERVED_KEYS.has(key), 'the key is reserved')
  // `$` and `#` are Chroma's operators and built-in fields; `chroma:` keys are where it keeps the text.
  .refine(key => !/^(\$|#|chroma:)/.test(key), 'a key does not start with $, # or chroma:')

/** A schema passes over an own key `__proto__` without a word, and with it over what the caller meant. */
export const NO_PROTO = 'the key __proto__ cannot be used'

/** Beyond these, whole numbers are not exact, and Chroma refuses some of them. */
export const MetadataNumber = z.number().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER)

/** A metadata value: Chroma would drop null and undefined in silence, and cannot filter by anything nested. */
export const MetadataValue = z.union(
  [
    z
      .string()
      .refine(text => text.isWellFormed(), 'a text is well-formed Unicode')
      .refine(text => !text.includes('\0'), 'a text does not hold the character U+0000')
      .refine(
        text => Buffer.byteLength(text) <= MAX_VALUE_BYTES,
        `a text takes at most ${MAX_VALUE_BYTES} bytes`,
      ),
    MetadataNumber,
    z.boolean(),
  ],
  'a value is a text, a number or a boolean',
)
export type MetadataValue = z.infer<typeof MetadataValue>

export const CallerMetadata = bounded(
  metadata => {
    const keys = isObject(metadata) ? Object.keys(metadata) : []
    if (keys.includes('__proto__')) return NO_PROTO
    return keys.length > MAX_KEYS ? `at most ${MAX_KEYS} keys` : undefined
  },
  z.record(MetadataKey, MetadataValue),
)
export type CallerMetadata = z.infer<typeof CallerMetadata>

/**
 * @param document whose it is
 * @throws Failure `misused` naming the document, the key and what is allowed
 */
export function parseMetadata(value: unknown, document: string): CallerMetadata {
  const parsed = CallerMetadata.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw new Failure(
    'misused',
    `The metadata of the document ${JSON.stringify(document)} is refused: ${explain(parsed.error)}`,
  )
}

/** When the version of its document was written that a record is of, in Unix milliseconds; 0 where nobody knows. */
export const writtenAt = (stored: Record<string, unknown> | undefined): number =>
  Number(stored?.[RECORD_KEYS.updatedAt] ?? stored?.[RECORD_KEYS.createdAt] ?? 0)

/** What the caller stored, without the keys that the store put there. */
export function callerPart(stored: Record<string, unknown>): CallerMetadata {
  return Object.fromEntries(
    Object.entries(stored).filter(([key]) => !RESERVED_KEYS.has(key)),
  ) as CallerMetadata
}
