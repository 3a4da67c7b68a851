import { hash } from 'node:crypto'
import { Failure } from '../../infra/failure.ts'

declare const valid: unique symbol
/** The id of a creator, as it came from upstream. Opaque: compared byte by byte, never normalised. */
export type CreatorId = string & { readonly [valid]: true }

export const MAX_CREATOR_ID_BYTES = 256

/**
 * Creators of this prefix belong to the verification: it writes and deletes their records on live shards.
 * Callers are refused them.
 */
export const RESERVED_PREFIX = 'knowledge-stack/verify/'

/**
 * @throws Failure `misused` when the value is not a non-empty, well-formed, NFC string of at most 256 UTF-8
 *   bytes. It is refused rather than normalised: two creators of the platform must not become one here.
 */
export function parseCreatorId(value: unknown): CreatorId {
  const wrong = whatIsWrong(value)
  if (wrong !== undefined) throw new Failure('misused', `The creator id ${wrong}`)
  return value as CreatorId
}

export const isReserved = (id: string): boolean => id.startsWith(RESERVED_PREFIX)

function whatIsWrong(value: unknown): string | undefined {
  if (typeof value !== 'string') return `is not a string but ${describeType(value)}`
  return whatIsWrongWithText(value, MAX_CREATOR_ID_BYTES)
}

/** The rules that creator and document ids share. Undefined when the text keeps them. */
export function whatIsWrongWithText(text: string, maxBytes: number): string | undefined {
  if (text === '') return 'is empty'
  if (!text.isWellFormed()) return 'holds half of a surrogate pair: it is no Unicode text'
  const bytes = Buffer.byteLength(text, 'utf8')
  if (bytes > maxBytes) return `takes ${bytes} bytes in UTF-8; allowed are ${maxBytes}`
  if (text !== text.normalize('NFC')) return 'is not in Unicode normalisation form C (NFC)'
  return undefined
}

const describeType = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value

/**
 * A creator in 64 hexadecimal digits, which do not say who it is: the order in which the creators of a shard move goes by
 * them, and those who were forgotten are known by them.
 */
export const creatorKey = (creator: string): string => hash('sha256', creator)
