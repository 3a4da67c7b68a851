import type { CreatorId } from '../creator-id.ts'
import { type ChunkName, chunkOf, type DocumentVersion, recordId } from './record-id.ts'

/**
 * Which version of each document counts: the latest that is there as a whole. What was written before there were
 * versions counts where no version does.
 */
export class CurrentVersions {
  readonly #versions = new Map<string, DocumentVersion>()

  private constructor(whole: Iterable<{ key: string; version: DocumentVersion }>) {
    for (const { key, version } of whole) {
      if (isLater(version, this.#versions.get(key))) this.#versions.set(key, version)
    }
  }

  /** @param ids of all records of some documents */
  static among(ids: Iterable<string>): CurrentVersions {
    const found = new Map<string, { key: string; version: DocumentVersion; chunks: number }>()
    for (const { key, version } of versioned(ids)) {
      const { sequence, tag, count } = version
      const name = `${sequence} ${tag} ${count} ${key}`
      const known = found.get(name) ?? { key, version, chunks: 0 }
      known.chunks += 1
      found.set(name, known)
    }
    return new CurrentVersions(
      [...found.values()].filter(({ version, chunks }) => chunks === version.count),
    )
  }

  /**
   * @param ids of the first chunks of all versions of some documents: a first chunk goes in with the last request of a
   * write and out with the first of a delete
   */
  static ofFirst(ids: Iterable<string>): CurrentVersions {
    return new CurrentVersions(versioned(ids))
  }

  /** How many documents have versions. */
  get documents(): number {
    return this.#versions.size
  }

  /** Chunks that the versions have. */
  get chunks(): number {
    let sum = 0
    for (const { count } of this.#versions.values()) sum += count
    return sum
  }

  /** Whether a record belongs to the version of its document that counts. One of another making counts as it is. */
  has(id: string): boolean {
    const name = chunkOf(id)
    return name === undefined || isSame(name.version, this.#versions.get(documentKey(name)))
  }

  equals(other: CurrentVersions): boolean {
    if (other === this) return true
    const own = [...this.#versions]
    return (
      own.length === other.documents &&
      own.every(([key, version]) => isSame(version, other.#versions.get(key)))
    )
  }

  /** Whether the version of a record's document is another than it was. */
  differs(id: string, earlier: CurrentVersions): boolean {
    const key = documentKeyOf(id)
    return key !== undefined && !isSame(this.#versions.get(key), earlier.#versions.get(key))
  }

  /**
   * The ids of all chunks of these versions.
   * @param earlier leaves those out that are the same there
   */
  chunkIds(creator: CreatorId, earlier?: CurrentVersions): string[] {
    return [...this.#versions].flatMap(([key, version]) => {
      if (earlier !== undefined && isSame(version, earlier.#versions.get(key))) return []
      const document = key.slice(documentKey({ creator, document: '' }).length)
      return idsOf(creator, document, version)
    })
  }
}

function* versioned(ids: Iterable<string>) {
  for (const id of ids) {
    const name = chunkOf(id)
    if (name?.version !== undefined) yield { key: documentKey(name), version: name.version }
  }
}

/** The ids of all chunks of a version. */
export const idsOf = (creator: CreatorId, document: string, version: DocumentVersion): string[] =>
  Array.from({ length: version.count }, (_, chunk) => recordId(creator, document, version, chunk))

/** A document of a creator, as a key. */
export const documentKey = ({
  creator,
  document,
}: Pick<ChunkName, 'creator' | 'document'>): string => `${creator.length}:${creator}${document}`

/** Undefined for an id of another making. */
export function documentKeyOf(id: string): string | undefined {
  const name = chunkOf(id)
  return name && documentKey(name)
}

export const isSame = (a: DocumentVersion | undefined, b: DocumentVersion | undefined): boolean =>
  a?.sequence === b?.sequence && a?.tag === b?.tag && a?.count === b?.count

const isLater = (a: DocumentVersion, b: DocumentVersion | undefined): boolean =>
  b === undefined || a.sequence > b.sequence || (a.sequence === b.sequence && a.tag > b.tag)
