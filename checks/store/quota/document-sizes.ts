import type { Bytes } from '../../../infra/units.ts'
import type { CutDocument } from '../embedded-documents.ts'
import { CurrentVersions, isSame } from '../records/current-versions.ts'
import type { CallerMetadata } from '../records/metadata.ts'
import { chunkOf, type DocumentVersion } from '../records/record-id.ts'

/** What counts against a creator's quota. */
export interface Usage {
  records: number
  /** Of texts in UTF-8, of the caller's metadata as JSON, and four for each number of a vector. */
  bytes: Bytes
}

/** A document as it is stored. Its version never changes, so what was once read of it stays so. */
export interface DocumentSize {
  /** Undefined for what was written before there were versions. */
  version: DocumentVersion | undefined
  records: number
  /** Undefined until it was read. */
  bytes: Bytes | undefined
}

/** By the documents' ids. */
export type DocumentSizes = Map<string, DocumentSize>

/** Of a vector. */
export const NUMBER: Bytes = 4

/** @param dimension numbers of its vector */
export const bytesOfChunk = (text: string, metadata: CallerMetadata, dimension: number): Bytes =>
  Buffer.byteLength(text) + Buffer.byteLength(JSON.stringify(metadata)) + NUMBER * dimension

/** What documents will take, by their ids. */
export function usageByDocument(
  documents: readonly CutDocument[],
  dimension: number,
): Map<string, Usage> {
  const usageOfOne = ({ document: { id, metadata = {} }, texts }: CutDocument) => {
    const beside = bytesOfChunk('', metadata, dimension)
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + beside, 0)
    return [id, { records: texts.length, bytes }] as const
  }
  return new Map(documents.map(usageOfOne))
}

/** @param unread bytes of each record that nobody has read yet */
export function usageOf(sizes: DocumentSizes, unread = 0): Usage {
  const usage = { records: 0, bytes: 0 }
  for (const { records, bytes = records * unread } of sizes.values()) {
    usage.records += records
    usage.bytes += bytes
  }
  return usage
}

/**
 * The documents that these are the records of.
 * @param ids of all records of a creator; those of another making count nowhere
 * @param known what was read of them before
 */
export function sizesAmong(
  ids: readonly string[],
  known: DocumentSizes | undefined,
): DocumentSizes {
  const versions = CurrentVersions.among(ids)
  const sizes: DocumentSizes = new Map()
  for (const id of ids) {
    const name = chunkOf(id)
    if (name === undefined || !versions.has(id)) continue
    const size = sizes.get(name.document)
    if (size === undefined) {
      const before = known?.get(name.document)
      const bytes = before && isSame(before.version, name.version) ? before.bytes : undefined
      sizes.set(name.document, { version: name.version, records: 1, bytes })
    } else size.records += 1
  }
  return sizes
}
