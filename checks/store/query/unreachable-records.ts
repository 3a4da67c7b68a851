import { LRUCache } from 'lru-cache'
import type { StoredRecord } from '../../chroma/chroma-records.ts'
import type { CurrentVersions } from '../records/current-versions.ts'
import { ownRecords } from '../scope/own-records.ts'
import {
  CHECKED_AGAIN_AFTER,
  FETCHED_QUERIES,
  REMEMBERED,
  UNREACHABLE_BYTES,
} from './cache-limits.ts'
import { keyOfCreator, type VersionedCreator } from './document-versions.ts'
import { memoryOf } from './record-memory.ts'

/** A check takes as long as a few questions. */
const ASKED_BEFORE = 10
/** Chunks of a creator that are asked for at once: 100 ms and 1 MB, about. */
export const MOST_CHECKED = 20_000
/** More than these are no chance but a damaged index. */
export const MOST_KEPT = 200

interface Known {
  asked: number
  checked: { at: number; versions: CurrentVersions } | undefined
  records: readonly StoredRecord[]
}

/**
 * The records of large creators that Chroma's index does not find, whatever it is asked for: some of its nodes are
 * linked from no other (measured, 1.5.9, around 12 topics: 1 to 5 of 1,000). Asked for all that a creator has, it gives
 * all but those. They are few, and are ranked beside what it finds.
 */
export class UnreachableRecords {
  readonly #known = new LRUCache<string, Known>({
    max: FETCHED_QUERIES,
    ...REMEMBERED,
    maxSize: UNREACHABLE_BYTES,
    sizeCalculation: ({ records }) => memoryOf(records),
  })

  /** Those that are known by now and count; what is not known yet is looked for beside the questions. */
  of(creator: VersionedCreator, versions: CurrentVersions, vector: number[]): StoredRecord[] {
    const key = keyOfCreator(creator)
    const known = this.#known.get(key) ?? { asked: 0, checked: undefined, records: [] }
    known.asked += 1
    this.#known.set(key, known)
    if (isDue(known, versions)) {
      known.checked = { at: performance.now(), versions }
      // Nobody waits for it: what it finds is one of hundreds.
      look(creator, versions, vector)
        .then(records => {
          this.#known.set(key, { ...known, records })
        })
        .catch(() => undefined)
    }
    return known.records.filter(({ id }) => versions.has(id))
  }
}

const isDue = ({ asked, checked }: Known, versions: CurrentVersions): boolean =>
  asked >= ASKED_BEFORE &&
  versions.chunks <= MOST_CHECKED &&
  (checked === undefined ||
    (checked.versions !== versions && performance.now() - checked.at > CHECKED_AGAIN_AFTER))

async function look(
  { records, creator, creatorFilter }: VersionedCreator,
  versions: CurrentVersions,
  vector: number[],
): Promise<StoredRecord[]> {
  // Some of what it finds may count no more.
  const count = 2 * versions.chunks
  const reached = new Set(await records.reachedIds(creatorFilter, vector, count))
  const ids = versions.chunkIds(creator).filter(id => !reached.has(id))
  if (ids.length === 0 || ids.length > MOST_KEPT) return []
  const include = ['metadatas' as const, 'documents' as const, 'embeddings' as const]
  return ownRecords(records, creator, await records.get(creatorFilter, { ids, include }))
}
