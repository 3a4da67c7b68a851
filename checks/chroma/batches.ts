import { type Bytes, MiB } from '../../infra/units.ts'
import type { NewRecord } from './chroma-records.ts'

/**
 * Records of a request, give or take a half: up to so many are one. With each, Chroma reads all that came to the
 * collection since its index was last saved, some 500 records, so few are dear; and while it indexes them nobody is
 * given a vector of theirs, so many keep readers waiting. Measured, 1.5.9: 10 shards of 30,000 records, 384 dimensions, loads of 500 a shard beside
 * 50 queries a second: 200 a request 480 records a second, 250 556 at the same p99, 500 612 at twice the p99.
 */
export const BATCH = 250
/** Of a request's body at most. Chroma takes 40 MiB unless it is told otherwise. */
const BODY: Bytes = 32 * MiB
/** A control character takes six bytes in JSON, and nothing takes more of one UTF-16 unit. */
const UNIT: Bytes = 6
/** A number, or the marks around an id, a text, a vector, a key and a value. */
const AROUND: Bytes = 32

/**
 * The records in parts that each go into one request, all of about the same number.
 * @param limit records that the server takes at most
 */
export function batchesOf<Kind extends NewRecord>(
  records: readonly Kind[],
  limit: number,
): Generator<Kind[]> {
  const parts = Math.max(Math.round(records.length / BATCH), Math.ceil(records.length / limit))
  return partsWithin(records, mostBytesOf, BODY, Math.ceil(records.length / parts))
}

/**
 * Slices of so many records, from the last to the first: what is deleted meanwhile brings others forward, to where they
 * are still to be read.
 * @param most of a slice
 */
export function* slicesFromEnd(
  size: number,
  most: number,
): Generator<{ offset: number; limit: number }> {
  for (let end = size; end > 0; end -= most) {
    const offset = Math.max(0, end - most)
    yield { offset, limit: end - offset }
  }
}

/**
 * Items in their order, in parts whose sizes together are `most` at most, or that are a single item.
 * @param mostItems of a part
 */
export function* partsWithin<Item>(
  items: Iterable<Item>,
  sizeOf: (item: Item) => number,
  most: number,
  mostItems = Number.POSITIVE_INFINITY,
): Generator<Item[]> {
  let part: Item[] = []
  let size = 0
  for (const item of items) {
    const own = sizeOf(item)
    if (part.length > 0 && (size + own > most || part.length === mostItems)) {
      yield part
      part = []
      size = 0
    }
    part.push(item)
    size += own
  }
  if (part.length > 0) yield part
}

/** Of a record in a body, at most. */
function mostBytesOf({ id, text, vector, metadata }: NewRecord): Bytes {
  const texts = [id, text, ...Object.entries(metadata).flat()].map(part =>
    typeof part === 'string' ? UNIT * part.length + AROUND : AROUND,
  )
  const base64 = 4 * Math.ceil((4 * vector.length) / 3) + AROUND
  return texts.reduce((sum, part) => sum + part, base64)
}
