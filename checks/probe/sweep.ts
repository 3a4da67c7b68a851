import type { Where } from 'chromadb'
import type { ChromaServer } from '../chroma/chroma-server.ts'
import type { ConnectedDeployment } from '../connected-deployment.ts'
import { RESERVED_PREFIX } from '../store/creator-id.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { RECORD_KEYS, VERIFICATION } from '../store/records/metadata.ts'
import { ABANDONED_AFTER, isAbandoned } from './run-id.ts'

/** What earlier runs left that were killed. */
export interface Swept {
  records: number
  databases: number
}

const PAGE = 1000

/**
 * Takes away the traces of runs that must have died: reserved creators' records and throwaway databases older
 * than any run takes. Whatever is younger may belong to a run under way.
 */
export async function sweep(
  deployment: ConnectedDeployment,
  live: Knowledge,
  now: number,
  signal: AbortSignal,
): Promise<Swept> {
  let databases = 0
  for (const server of deployment.chroma) databases += await sweepDatabases(server, now, signal)
  let records = 0
  for (const shard of (await live.shards.existing(signal)).keys()) {
    records += await sweepShard(live, shard, now, signal)
  }
  return { records, databases }
}

async function sweepDatabases(
  server: ChromaServer,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  const abandoned = (await server.databases(signal)).filter(name => isAbandoned(name, now))
  for (const name of abandoned) await server.deleteDatabase(name, signal)
  return abandoned.length
}

async function sweepShard(live: Knowledge, shard: number, now: number, signal: AbortSignal) {
  const where: Where = {
    $and: [
      { [RECORD_KEYS.reservedFor]: { $eq: VERIFICATION } },
      { [RECORD_KEYS.createdAt]: { $lt: now - ABANDONED_AFTER } },
    ],
  }
  return live.shards.readShard(
    shard,
    0,
    async records => {
      const left = await records.get(where, { include: ['metadatas'], limit: PAGE }, signal)
      // The filter alone is not believed: what is deleted is a reserved creator's, and old.
      const ids = left
        .filter(
          ({ metadata }) =>
            String(metadata?.[RECORD_KEYS.creator]).startsWith(RESERVED_PREFIX) &&
            Number(metadata?.[RECORD_KEYS.createdAt]) < now - ABANDONED_AFTER,
        )
        .map(record => record.id)
      return ids.length === 0 ? 0 : records.delete(where, ids, signal)
    },
    signal,
  )
}
