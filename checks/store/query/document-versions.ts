import type { Where } from 'chromadb'
import { LRUCache } from 'lru-cache'
import { BATCH } from '../../chroma/batches.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import type { CreatorId } from '../creator-id.ts'
import { scoped } from '../filter/filter.ts'
import { CurrentVersions, idsOf } from '../records/current-versions.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf } from '../records/record-id.ts'
import { REMEMBERED, VERSIONED_DOCUMENTS } from './cache-limits.ts'
import type { WriteVersion } from './write-versions.ts'

/** The creator whose documents are asked for, in its shard. */
export interface VersionedCreator {
  records: ChromaCollection
  creator: CreatorId
  /** Lets all of the creator's records through, and of nobody else. */
  creatorFilter: Where
  version: WriteVersion
}

interface Known {
  version: string | undefined
  versions: CurrentVersions
}

/**
 * Which versions of their documents creators have that have much: found by the first chunks alone, and remembered as
 * long as the creator's write version is the same.
 */
export class DocumentVersions {
  readonly #known = new LRUCache<string, Known>({
    ...REMEMBERED,
    maxSize: VERSIONED_DOCUMENTS,
    sizeCalculation: ({ versions }) => 1 + versions.documents,
  })

  /** As they were at some time before; undefined when that is not known. */
  known(of: VersionedCreator): CurrentVersions | undefined {
    return this.#known.get(keyOfCreator(of))?.versions
  }

  /** Those that `current` gives again, as long as nothing has been written since the version was last heard of. */
  async read(of: VersionedCreator, signal?: AbortSignal): Promise<CurrentVersions> {
    return this.#read(of, await of.version.cached(signal), signal)
  }

  async current(of: VersionedCreator, signal?: AbortSignal): Promise<CurrentVersions> {
    const version = await of.version.current(signal)
    const known = this.#known.get(keyOfCreator(of))
    if (known !== undefined && version !== undefined && known.version === version) {
      return known.versions
    }
    return this.#read(of, version, signal)
  }

  async #read(
    of: VersionedCreator,
    version: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CurrentVersions> {
    const { records, creator } = of
    const where = scoped(creator, { [RECORD_KEYS.head]: { $eq: creator } })
    const first = (await records.get(where, { include: [] }, signal)).map(({ id }) => id)
    // What is written just now may be deleted just now: nothing that was known of it is sure.
    const known = version === undefined ? undefined : this.known(of)
    const torn = await tornAmong(first, of, known, signal)
    const versions = CurrentVersions.ofFirst(first.filter(id => !torn.has(id)))
    this.#known.set(keyOfCreator(of), { version, versions })
    return versions
  }
}

export const keyOfCreator = ({ records, creator }: VersionedCreator): string =>
  `${records.path}/${creator}`

/**
 * Of versions that took several requests, the first may have been undone by who deleted the document, before the last
 * came with the first chunk. Each is looked at once, but while the creator is being written.
 */
async function tornAmong(
  first: readonly string[],
  { records, creator, creatorFilter }: VersionedCreator,
  known: CurrentVersions | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const long = first.filter(id => !known?.has(id) && (chunkOf(id)?.version?.count ?? 0) > BATCH)
  if (long.length === 0) return new Set()
  const ids = long.flatMap(id => {
    const name = chunkOf(id)
    return name?.version === undefined ? [] : idsOf(creator, name.document, name.version)
  })
  const found = await records.get(creatorFilter, { ids, include: [] }, signal)
  const whole = CurrentVersions.among(found.map(({ id }) => id))
  return new Set(long.filter(id => !whole.has(id)))
}
