import type { StoredRecord } from '../chroma/chroma-records.ts'
import { embeddedMetadata } from '../store/embed-texts.ts'
import type { Generation } from '../store/generations.ts'
import type { Pace } from '../store/pace.ts'

/** What moves, and how. */
export interface Move {
  from: Generation
  to: Generation
  /** With vectors of another model. */
  embedsAnew: boolean
  signal: AbortSignal
  pace: Pace
  /** Told of records that were copied. */
  onCopied(records: number): void
}

/** A record as it is to be where it was copied to, but for its vector. */
export const asCopied = (record: StoredRecord, embedsAnew: boolean): StoredRecord =>
  embedsAnew ? { ...record, metadata: embeddedMetadata(record.metadata) } : record
