import { randomInt } from 'node:crypto'
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

/** One writing of a document. Its records never change: another version has other ids. */
export interface DocumentVersion {
  /** From 1; of two versions the higher one is the later. */
  sequence: number
  /** Drawn by who writes it, and tells two apart that were begun at once. Lower-case letters and digits. */
  tag: string
  /** Chunks that it has. */
  count: number
}

/** Two that write one document at once have the same one by a chance of 1 in 2⁴⁶. */
export const drawTag = (): string => randomInt(2 ** 46).toString(36)

export interface ChunkName {
  creator: string
  document: string
  /** Undefined for what was written before there were versions. */
  version: DocumentVersion | undefined
  /** Position in the document, from 0. */
  chunk: number
}

/**
 * The id of a chunk's record. Record ids are unique per collection and not per creator, and an upsert of a taken
 * one overwrites another creator's record, so the id carries the creator; creator and document are preceded by their
 * lengths, so that no two chunks have one id.
 */
export function recordId(
  creator: CreatorId,
  document: string,
  { sequence, tag, count }: DocumentVersion,
  chunk: number,
): string {
  return `${ownPrefix(creator)}${document.length}:${document}${sequence}-${tag}-${count}-${chunk}`
}

/** The creator that a record's id names; undefined for an id of another making. */
export const creatorOf = (id: string): string | undefined => part(id)?.[0]

/**
 * What chunk a record's id names; undefined for an id of another making, such as one of a document of a million chunks:
 * no memory is to be had for the ids of all of them.
 */
export function chunkOf(id: string): ChunkName | undefined {
  const [creator, rest] = part(id) ?? []
  const [document, end = ''] = part(rest) ?? []
  if (creator === undefined || document === undefined) return undefined
  const found = /^(?:(\d+)-([0-9a-z]+)-(\d{1,6})-)?(\d+)$/.exec(end)
  if (found === null) return undefined
  const [, sequence, tag = '', count, chunk] = found
  const version =
    sequence === undefined ? undefined : { sequence: Number(sequence), tag, count: Number(count) }
  return { creator, document, version, chunk: Number(chunk) }
}

/** The first part that is preceded by its length, and what comes after it. */
function part(text = ''): [part: string, rest: string] | undefined {
  const [prefix = '', length] = /^(\d+):/.exec(text) ?? []
  const end = prefix.length + Number(length)
  return end <= text.length ? [text.slice(prefix.length, end), text.slice(end)] : undefined
}

const ownPrefix = (creator: CreatorId): string => `${creator.length}:${creator}`
