import type { Bytes } from '../../../infra/units.ts'
import type { StoredRecord } from '../../chroma/chroma-records.ts'

/** Of a vector, and of a text (UTF-16). */
const NUMBER: Bytes = 8
const UNIT: Bytes = 2
/** A record beside what it holds, or what stands in place of records. */
export const RECORD: Bytes = 512

/** What records take in this process. */
export function memoryOf(records: readonly StoredRecord[]): Bytes {
  let size = RECORD
  for (const { vector = [], text = '', metadata = {} } of records) {
    let units = text.length
    for (const key in metadata) {
      const value = metadata[key]
      units += key.length + (typeof value === 'string' ? value.length : 0)
    }
    size += RECORD + NUMBER * vector.length + UNIT * units
  }
  return size
}
