import { GiB, KiB, MiB } from '../units.ts'

/** The knowledge that is expected. */
export interface DataDemand {
  creators: number
  /** Chunks of text per creator; each is one vector. */
  chunksPerCreator: number
  dimensions: number
  /** Bytes of text and metadata of a chunk. */
  metadataBytes: number
  shards: number
  /** Chroma servers that the shards are spread over. */
  instances: number
}

/** What one instance takes, in bytes. */
export interface ChromaEstimate {
  vectors: number
  memory: number
  disk: number
  source: string
}

/** Chroma's defaults for its HNSW graphs. */
const HNSW_M = 16
/** A link list of level 0 (4 bytes each, 2·M of them and a length) and of the levels above on average. */
const LINK_BYTES = 8 * HNSW_M + 4 + 8 + 4.5
/** Bookkeeping of a slot, and of a record's id on both sides of the index. */
const SLOT_BYTES = 56
const ID_BYTES = 250
/** A server without data. */
const SERVER_BYTES = 100 * MiB
/** Under 2 GiB Chroma's own guide calls a server too small; that much is asked for when data is expected. */
const DISK_FLOOR = 1 * GiB

/** Memory of a vector in its index, in bytes, before the index's capacity is rounded up. */
export const vectorBytes = (dimensions: number): number =>
  4 * dimensions + LINK_BYTES + SLOT_BYTES + ID_BYTES

/**
 * What each Chroma instance takes when all the expected data is in it and every shard's index is in memory,
 * which is where Chroma keeps an index once it was used.
 */
export function estimateChroma(data: DataDemand): ChromaEstimate {
  const vectors = Math.ceil((data.creators * data.chunksPerCreator) / data.instances)
  const shards = Math.ceil(data.shards / data.instances)
  const perShard = Math.ceil(vectors / shards)
  // An index grows by doubling, so a shard can hold nearly twice the room it needs.
  const capacity = shards * 2 ** Math.ceil(Math.log2(Math.max(perShard, 1024)))
  const memory =
    SERVER_BYTES + capacity * (4 * data.dimensions + LINK_BYTES + SLOT_BYTES) + vectors * ID_BYTES
  const disk = DISK_FLOOR + 2 * memory + vectors * (data.metadataBytes + 2 * KiB)
  return {
    vectors,
    memory: Math.ceil(memory),
    disk: Math.ceil(disk),
    source: 'HNSW layout of Chroma 1.x',
  }
}
