import { LRUCache } from 'lru-cache'
import type { Include } from '../../chroma/chroma-records.ts'
import type { CreatorId } from '../creator-id.ts'
import { REMEMBERED, VERSIONED_DOCUMENTS } from '../query/cache-limits.ts'
import type { VersionedCreator } from '../query/document-versions.ts'
import { isSame } from '../records/current-versions.ts'
import { callerPart } from '../records/metadata.ts'
import { chunkOf } from '../records/record-id.ts'
import { KeyedLimit } from '../scope/keyed-limit.ts'
import {
  bytesOfChunk,
  type DocumentSize,
  type DocumentSizes,
  sizesAmong,
} from './document-sizes.ts'

/** Records that are read at once to see what they take: some megabytes. */
const READ = 250

interface Known {
  version: string | undefined
  sizes: DocumentSizes
}

/**
 * What creators' documents take, remembered as long as the creator's write version is the same. Another process's write
 * costs a listing of ids, and its documents alone are read anew.
 */
export class CreatorUsage {
  /** Numbers of a vector. */
  readonly dimension: number
  readonly #known = new LRUCache<string, Known>({
    ...REMEMBERED,
    maxSize: VERSIONED_DOCUMENTS,
    sizeCalculation: ({ sizes }) => 1 + sizes.size,
  })
  /** One creator's documents are read by one at a time: the next finds them read. */
  readonly #readings = new KeyedLimit(1)

  constructor(dimension: number) {
    this.dimension = dimension
  }

  /** The documents as they are now, with the bytes of those that were read. */
  async current(of: VersionedCreator, signal?: AbortSignal): Promise<DocumentSizes> {
    const known = this.#known.get(of.creator)
    // The version comes before what is read for it, so that what is written in between is seen as a change.
    const version = await of.version.current(signal)
    if (known !== undefined && version !== undefined && known.version === version)
      return known.sizes
    const sizes = sizesAmong(await idsOf(of, signal), known?.sizes)
    this.#known.set(of.creator, { version, sizes })
    return sizes
  }

  /** Reads the documents whose bytes are not known. */
  async measure(of: VersionedCreator, sizes: DocumentSizes, signal?: AbortSignal): Promise<void> {
    await this.#readings.run(of.creator, () => this.#measure(of, sizes, signal), signal)
  }

  /**
   * Documents that this process wrote, in place of what they were.
   * @param version of the creator, once that is over; undefined makes all be listed again
   */
  written(creator: CreatorId, documents: DocumentSizes, version: string | undefined): void {
    const known = this.#known.get(creator)
    if (known === undefined) return
    for (const [id, size] of documents) known.sizes.set(id, size)
    this.#known.set(creator, { version, sizes: known.sizes })
  }

  async #measure(
    of: VersionedCreator,
    sizes: DocumentSizes,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const unread = ({ bytes }: DocumentSize) => bytes === undefined
    if (![...sizes.values()].some(unread)) return
    const ids = (await idsOf(of, signal)).filter(id => {
      const size = sizeIn(sizes, id)
      return size !== undefined && unread(size)
    })
    const read = new Map<DocumentSize, number>()
    for (let start = 0; start < ids.length; start += READ) {
      const some = {
        ids: ids.slice(start, start + READ),
        include: ['metadatas', 'documents'] as Include[],
      }
      for (const record of await of.records.get(of.creatorFilter, some, signal)) {
        const { id, text = '', metadata = {} } = record
        const size = sizeIn(sizes, id)!
        const bytes = bytesOfChunk(text, callerPart(metadata), this.dimension)
        read.set(size, (read.get(size) ?? 0) + bytes)
      }
    }
    // One that is gone meanwhile takes nothing any more.
    for (const size of sizes.values()) size.bytes ??= read.get(size) ?? 0
  }
}

const sizeIn = (sizes: DocumentSizes, id: string): DocumentSize | undefined => {
  const name = chunkOf(id)
  const size = name && sizes.get(name.document)
  return size && isSame(size.version, name.version) ? size : undefined
}

async function idsOf({ records, creatorFilter }: VersionedCreator, signal?: AbortSignal) {
  return (await records.get(creatorFilter, { include: [] }, signal)).map(({ id }) => id)
}
