import { HASH_VERSION, shardOf } from '../../infra/shards.ts'
import { type Check, type CheckContext, failed, passed, skipped } from '../check.ts'
import type { Include, StoredRecord } from '../chroma/chroma-records.ts'
import { type DeadVersions, deadVersions } from '../store/records/dead-versions.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { chunkOf } from '../store/records/record-id.ts'

/** Records of each shard that are looked at, unless all are. */
const SAMPLE = 200
const PAGE = 1000
/** Of those, records whose vectors are looked at too. */
const VECTORS = 20

export default {
  name: 'records-placed',
  proves:
    'Records carry creator, document, chunk and time, lie in the shard of their creator, under their own id',
  after: ['chroma-answers', 'shard-settings'],
  async run(context) {
    const { shards } = context.scratch.live
    const existing = await shards.existing(context.signal)
    const { signal } = context
    const wrong = new Map<string, number>()
    const dead = { partial: 0, superseded: 0 }
    let looked = 0
    let all = 0
    for (const [shard, collection] of existing) {
      const records = shards.server(shard).records(shards.database, collection.id)
      const size = await records.size(signal)
      all += size
      const ids: string[] = []
      for (const { offset, limit, vectors } of parts(size, context)) {
        const include: Include[] = vectors ? ['metadatas', 'embeddings'] : ['metadatas']
        for (const record of await records.page(offset, limit, include, signal)) {
          ids.push(record.id)
          const fault = faultOf(record, shard, shards.settings.shards)
          if (fault !== undefined) wrong.set(fault, (wrong.get(fault) ?? 0) + 1)
        }
      }
      looked += ids.length
      if (ids.length < size) continue
      const { partial, superseded } = deadVersions(ids)
      dead.partial += partial
      dead.superseded += superseded
    }
    if (looked === 0) return skipped('no records yet')
    if (wrong.size === 0) return passed(`${looked} of ${all} records looked at`, notesOn(dead))
    const counts = [...wrong].map(([fault, count]) => `${count} ${fault}`).join(', ')
    return failed(
      `of ${looked} records looked at, ${counts}`,
      'they were written past the store, which passes over them: delete their documents, or write them again through it',
    )
  },
} satisfies Check

const notesOn = ({ partial, superseded }: DeadVersions): string[] =>
  partial + superseded === 0
    ? []
    : [
        `${partial} records are of versions of documents that are there in part, and ${superseded} of superseded ones, as writers leave them that are at work or were killed: no question shows them, and they go with the next write of their document`,
      ]

interface Part {
  offset: number
  limit: number
  /** Whether their vectors are looked at, which are most of what is read. */
  vectors: boolean
}

/** The first records, which are the oldest, and as many from anywhere; all of them, page by page, when deep. */
function parts(size: number, { deep }: CheckContext): Part[] {
  if (deep || size <= SAMPLE) {
    const page = deep ? PAGE : VECTORS
    return Array.from({ length: Math.ceil(size / page) }, (_, index) => ({
      offset: index * page,
      limit: page,
      vectors: deep || index === 0,
    }))
  }
  const half = SAMPLE / 2
  const anywhere = half + Math.floor(Math.random() * (size - SAMPLE + 1))
  return [
    { offset: 0, limit: half - VECTORS, vectors: false },
    { offset: half - VECTORS, limit: VECTORS, vectors: true },
    { offset: anywhere, limit: half, vectors: false },
  ]
}

function faultOf(record: StoredRecord, shard: number, count: number): string | undefined {
  const { id, metadata, vector } = record
  const creator = metadata?.[RECORD_KEYS.creator]
  const document = metadata?.[RECORD_KEYS.document]
  const chunk = metadata?.[RECORD_KEYS.chunk]
  const createdAt = metadata?.[RECORD_KEYS.createdAt]
  if (typeof creator !== 'string') return 'have no creator_id'
  if (typeof document !== 'string') return 'have no document_id'
  if (chunk === undefined) return 'have no chunk_index'
  if (!Number.isInteger(chunk)) return 'have a chunk_index that is no whole number'
  if (createdAt === undefined) return 'have no created_at'
  if (!Number.isFinite(createdAt)) return 'have a created_at that is no time'
  if (vector?.every(part => part === 0)) return 'have a vector of zeros'
  if (shardOf(creator, count) !== shard) {
    return `lie in another shard than hash version ${HASH_VERSION} puts them in`
  }
  const name = chunkOf(id)
  const isOwn = name?.creator === creator && name.document === document && name.chunk === chunk
  return isOwn ? undefined : 'have an id that is not their own'
}
