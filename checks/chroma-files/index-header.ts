import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the header of a saved index says: hnswlib's, after its version, where its levels begin and its room. */
const RECORDS_AT = 20
const RECORD_BYTES_AT = 28

/** Of a saved index. */
export interface IndexHeader {
  /** Records that it holds, deleted ones too. */
  records: number
  /** Bytes that each takes in `data_level0.bin`. */
  recordBytes: number
}

/** @returns undefined for an index that was not saved yet */
export async function indexHeader(folder: string): Promise<IndexHeader | undefined> {
  const header = await readFile(join(folder, 'header.bin')).catch(() => undefined)
  if (header === undefined || header.length < RECORD_BYTES_AT + 8) return undefined
  const number = (at: number) => Number(header.readBigUInt64LE(at))
  return { records: number(RECORDS_AT), recordBytes: number(RECORD_BYTES_AT) }
}
