import { Failure } from '../../../infra/failure.ts'
import type { Quota } from '../../../infra/outputs.ts'
import { type Bytes, formatBytes, KiB } from '../../../infra/units.ts'
import { type DocumentSizes, NUMBER, type Usage, usageOf } from './document-sizes.ts'

/**
 * What the API lets in as one chunk, with its metadata and without its vector. As long as so much for each record is
 * within the quota, nobody reads what they take; larger ones of a bulk load are counted as they are once it is not.
 */
const LARGEST_CHUNK: Bytes = 32 * KiB

/** A creator would have more than it may. Nothing was written. */
export class QuotaExceeded extends Failure {
  constructor(message: string) {
    super('misused', message, {
      mend: 'delete documents, or raise maxRecordsPerCreator or maxMebibytesPerCreator and deploy again',
    })
    this.name = 'QuotaExceeded'
  }
}

/**
 * @param sizes what the creator has
 * @param fresh what is put in, in place of the documents of the same ids
 * @param dimension numbers of a vector
 * @param measure reads the bytes that `sizes` lacks
 * @throws QuotaExceeded when the creator would have more than it may, and more than it has
 */
export async function requireWithin(
  quota: Quota,
  sizes: DocumentSizes,
  fresh: ReadonlyMap<string, Usage>,
  dimension: number,
  measure: () => Promise<void>,
): Promise<void> {
  const most = LARGEST_CHUNK + NUMBER * dimension
  const { records } = usageOf(sizes)
  const would = usageAfter(sizes, fresh, most)
  if (would.records > Math.max(quota.records, records)) {
    throw new QuotaExceeded(
      `The creator has ${records} chunks and would have ${would.records} with this; allowed are ${quota.records}`,
    )
  }
  if (would.bytes <= quota.bytes) return
  await measure()
  const { bytes } = usageOf(sizes)
  const exact = usageAfter(sizes, fresh, 0).bytes
  if (exact <= Math.max(quota.bytes, bytes)) return
  throw new QuotaExceeded(
    `The creator has ${bytes} bytes and would have ${exact} with this; allowed are ${quota.bytes}, which is ${formatBytes(quota.bytes)}`,
  )
}

function usageAfter(sizes: DocumentSizes, fresh: ReadonlyMap<string, Usage>, unread: Bytes): Usage {
  const usage = usageOf(sizes, unread)
  for (const [id, { records, bytes }] of fresh) {
    const before = sizes.get(id)
    usage.records += records - (before?.records ?? 0)
    usage.bytes += bytes - (before === undefined ? 0 : (before.bytes ?? before.records * unread))
  }
  return usage
}
