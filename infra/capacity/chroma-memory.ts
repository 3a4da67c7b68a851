import { Failure } from '../failure.ts'
import { MAX_SHARDS, MIN_SHARDS } from '../shards.ts'
import { GiB, MiB } from '../units.ts'

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
  /** With every shard's index loaded, which is where Chroma keeps an index once it was used. */
  memory: number
  disk: number
  source: string
}

/** Links of a vector in Chroma's default graph (M 16): 2·M of 4 bytes and a count, a label, and the levels above. */
const LINK_BYTES = 4 * 32 + 4 + 8 + 4.5
/** Lock and level of a slot; an index has slots for the next power of two of its vectors. */
const SLOT_BYTES = 56
/** A record's id in the maps between ids and labels, ids of some 40 characters: fitted on chroma-memory. */
const ID_BYTES = 420
const MIN_SLOTS = 1024

/** A server that has answered requests, beside the vectors: fitted on chroma-memory. */
const SERVER_BYTES = 140 * MiB
/** Share by which the memory may be too low. */
const MARGIN = 0.1

/** Bytes on disk for each byte of text and metadata (the record, its log and the full-text index), and of a vector. */
const DISK_PER_TEXT = 4.5
const DISK_PER_VECTOR_BYTE = 1.2
/** Of text and metadata beside a chunk's vector, where nobody says otherwise. */
export const METADATA_BYTES = 1000
/** With what is kept free (CHROMA_RESERVE of ../servers/chroma-disk-reserve.ts). */
const DISK_FLOOR = 1 * GiB

/**
 * Memory of one vector in its shard's index, in bytes.
 * @param perShard vectors in the shard, which decide how many slots stand empty
 */
export function vectorBytes(dimensions: number, perShard: number): number {
  const slots = Math.max(MIN_SLOTS, 2 ** Math.ceil(Math.log2(perShard)))
  return 4 * dimensions + LINK_BYTES + ID_BYTES + SLOT_BYTES * (slots / perShard)
}

/**
 * Memory of vectors in the indexes of their shards, with the share by which that may be too low, in bytes.
 * @param perShard vectors in each shard
 */
export const memoryOfVectors = (vectors: number, dimensions: number, perShard: number): number =>
  Math.ceil(vectors * vectorBytes(dimensions, perShard) * (1 + MARGIN))

/** What vectors with texts and metadata take on a disk, in bytes. */
export const diskOfVectors = (
  vectors: number,
  dimensions: number,
  metadataBytes = METADATA_BYTES,
): number => vectors * (4 * dimensions * DISK_PER_VECTOR_BYTE + metadataBytes * DISK_PER_TEXT)

/**
 * What each Chroma instance takes when all the expected data is in it.
 * @throws Failure for counts that are none
 */
export function estimateChroma(data: DataDemand): ChromaEstimate {
  for (const [what, count] of Object.entries(data)) requireCount(what, count)
  const vectors = Math.ceil((data.creators * data.chunksPerCreator) / data.instances)
  const perShard = Math.ceil(vectors / Math.ceil(data.shards / data.instances))
  const indexes = vectors * vectorBytes(data.dimensions, perShard)
  const disk = diskOfVectors(vectors, data.dimensions, data.metadataBytes)
  return {
    vectors,
    memory: Math.ceil((SERVER_BYTES + indexes) * (1 + MARGIN)),
    disk: Math.ceil(DISK_FLOOR + disk),
    source: 'HNSW layout of Chroma 1.5, constants measured on 1.5.9',
  }
}

/**
 * Of the store's own query, which ranks a creator's chunks itself and asks the graph of the shard only for creators with
 * very many: `npm run bench -- knowledge`, 30,000 vectors of 384 dimensions in a shard, one caller, asked for the first
 * time: 2.8 ms for creators with up to 20 chunks, 6.0 with up to 200.
 */
const QUERY = { base: 1.6, perChunk: 0.033, mostChunks: 500, perVector: 0.00003 }

/** Milliseconds of a creator's query, asked for the first time by one caller. */
export const queryMillis = (data: Expected, shards: number): number =>
  QUERY.base +
  QUERY.perChunk * Math.min(data.chunksPerCreator, QUERY.mostChunks) +
  QUERY.perVector * largestShard(data, shards)

type Expected = Pick<DataDemand, 'creators' | 'chunksPerCreator'>

export interface ShardAdvice {
  shards: number
  /** What a creator's query would take, in milliseconds. */
  queryMillis: number
  /** False when even the most shards there may be are too few. */
  meets: boolean
}

/** The fewest shards with which a creator's query takes no longer than wanted. */
export function adviseShards(data: Expected, wantedMillis: number): ShardAdvice {
  requireCount('creators', data.creators)
  requireCount('chunksPerCreator', data.chunksPerCreator)
  const millis = (shards: number) => queryMillis(data, shards)
  for (let shards = MIN_SHARDS; shards <= MAX_SHARDS; shards += 1) {
    if (millis(shards) <= wantedMillis) return { shards, queryMillis: millis(shards), meets: true }
  }
  return { shards: MAX_SHARDS, queryMillis: millis(MAX_SHARDS), meets: false }
}

/** Creators fall into shards by a hash, so that the fullest has some more: three standard deviations. */
function largestShard({ creators, chunksPerCreator }: Expected, shards: number): number {
  const mean = creators / shards
  return (mean + 3 * Math.sqrt(mean)) * chunksPerCreator
}

function requireCount(what: string, count: number): void {
  if (Number.isFinite(count) && count > 0) return
  throw new Failure('misused', `${what} is ${count}; allowed is a number above 0`)
}
