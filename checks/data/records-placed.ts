import { HASH_VERSION, shardOf } from '../../infra/shards.ts'
import { type Check, type CheckContext, failed, passed, skipped } from '../check.ts'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { chunkOf } from '../store/records/record-id.ts'

/** Records of each shard that are looked at, unless all are. */
const SAMPLE = 200
const PAGE = 1000

export default {
  name: 'records-placed',
  proves:
    'Records carry creator, document, chunk and time, lie in the shard of their creator, under their own id',
  after: ['chroma-answers', 'shard-settings'],
  async run(context) {
    const { shards } = context.scratch.live
    const existing = await shards.existing(context.signal)
    const wrong = new Map<string, number>()
    let looked = 0
    let all = 0
    for (const [shard, collection] of existing) {
      const records = shards.server(shard).records(shards.database, collection.id)
      const size = await records.size(context.signal)
      all += size
      for (const { offset, limit } of parts(size, context)) {
        for (const record of await records.page(offset, limit, context.signal)) {
          looked += 1
          const fault = faultOf(record, shard, shards.settings.shards)
          if (fault !== undefined) wrong.set(fault, (wrong.get(fault) ?? 0) + 1)
        }
      }
    }
    if (looked === 0) return skipped('no records yet')
    if (wrong.size === 0) return passed(`${looked} of ${all} records looked at`)
    const counts = [...wrong].map(([fault, count]) => `${count} ${fault}`).join(', ')
    return failed(
      `of ${looked} records looked at, ${counts}`,
      'they were written past the store: write them again through it',
    )
  },
} satisfies Check

/** The first records, which are the oldest, and as many from anywhere; all of them, page by page, when deep. */
function parts(size: number, { deep }: CheckContext): { offset: number; limit: number }[] {
  if (!deep && size > SAMPLE) {
    const half = SAMPLE / 2
    const anywhere = half + Math.floor(Math.random() * (size - SAMPLE + 1))
    return [
      { offset: 0, limit: half },
      { offset: anywhere, limit: half },
    ]
  }
  return Array.from({ length: Math.ceil(size / PAGE) }, (_, page) => ({
    offset: page * PAGE,
    limit: PAGE,
  }))
}

function faultOf({ id, metadata }: StoredRecord, shard: number, count: number): string | undefined {
  const creator = metadata?.[RECORD_KEYS.creator]
  const document = metadata?.[RECORD_KEYS.document]
  const chunk = metadata?.[RECORD_KEYS.chunk]
  if (typeof creator !== 'string') return 'have no creator_id'
  if (typeof document !== 'string') return 'have no document_id'
  if (typeof chunk !== 'number') return 'have no chunk_index'
  if (typeof metadata?.[RECORD_KEYS.createdAt] !== 'number') return 'have no created_at'
  if (shardOf(creator, count) !== shard) {
    return `lie in another shard than hash version ${HASH_VERSION} puts them in`
  }
  const name = chunkOf(id)
  const isOwn = name?.creator === creator && name.document === document && name.chunk === chunk
  return isOwn ? undefined : 'have an id that is not their own'
}
