import { Failure } from '../../../infra/failure.ts'
import { type CreatorId, whatIsWrongWithText } from '../creator-id.ts'

export const MAX_DOCUMENT_ID_BYTES = 512

/** @throws Failure `misused` when the id is not a non-empty, well-formed, NFC string of at most 512 UTF-8 bytes */
export function parseDocumentId(value: unknown): string {
  const wrong =
    typeof value === 'string'
      ? whatIsWrongWithText(value, MAX_DOCUMENT_ID_BYTES)
      : `is not a string but ${typeof value}`
  if (wrong !== undefined) throw new Failure('misused', `The document id ${wrong}`)
  return value as string
}

export interface ChunkName {
  creator: string
  document: string
  /** Position in the document, from 0. */
  chunk: number
}

/**
 * The id of a chunk's record. Record ids are unique per collection and not per creator, and an upsert of a taken
 * one overwrites another creator's record, so the id carries the creator; each part is preceded by its
 * length, so that no two triples give one id.
 */
export function recordId(creator: CreatorId, document: string, chunk: number): string {
  return `${ownPrefix(creator)}${document.length}:${document}${chunk}`
}

/** Whether a record is the creator's, by what its id begins with. */
export const isOfCreator = (creator: CreatorId, id: string): boolean =>
  id.startsWith(ownPrefix(creator))

/** The creator that a record's id names; undefined for an id of another making. */
export const creatorOf = (id: string): string | undefined => part(id)?.[0]

/** What chunk a record's id names; undefined for an id of another making. */
export function chunkOf(id: string): ChunkName | undefined {
  const [creator, rest] = part(id) ?? []
  const [document, chunk] = part(rest) ?? []
  if (creator === undefined || document === undefined || !/^\d+$/.test(chunk ?? ''))
    return undefined
  return { creator, document, chunk: Number(chunk) }
}

/** The first part that is preceded by its length, and what comes after it. */
function part(text = ''): [part: string, rest: string] | undefined {
  const [prefix = '', length] = /^(\d+):/.exec(text) ?? []
  const end = prefix.length + Number(length)
  return end <= text.length ? [text.slice(prefix.length, end), text.slice(end)] : undefined
}

const ownPrefix = (creator: CreatorId): string => `${creator.length}:${creator}`
