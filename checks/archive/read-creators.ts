import { Failure } from '../../infra/failure.ts'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { CreatorId } from '../store/creator-id.ts'
import type { Generation } from '../store/generations.ts'
import { CurrentVersions } from '../store/records/current-versions.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { currentIds, EVERYTHING, whereCreators } from '../store/shards/creators-records.ts'
import type { ShardCreator } from '../store/shards/shard-creators.ts'
import { ServerError } from '../transport/server-error.ts'

/** Records of one creator that are read at once. */
const READ = 2000
/** Whoever is written each time that often is taken as it is. */
const TRIES = 8

/** What some creators have. */
export interface CreatorsRecords {
  /** By creator: documents in the order in which they came, their chunks by position. */
  creators: Map<CreatorId, StoredRecord[]>
  /** Creators who were written whenever they were read. */
  unsettled: number
}

/**
 * All records of some creators of a shard, of each at one of its write versions: what was written while it was read is
 * read again.
 */
export async function readCreators(
  generation: Generation,
  shard: number,
  creators: readonly ShardCreator[],
  signal: AbortSignal,
): Promise<CreatorsRecords> {
  const { shards, versions } = generation
  const found = new Map<CreatorId, StoredRecord[]>()
  let left = creators.map(({ creator }) => creator)
  for (let tried = 1; left.length > 0; tried += 1) {
    const before = await shards.layouts.versions(shard)
    const read = (records: ChromaCollection) => readTogether(records, left, signal)
    const records = await shards.readShard(shard, undefined, read, signal)
    const after = await shards.layouts.versions(shard)
    const own = Map.groupBy(records ?? [], creatorIn)
    const changed = left.filter(creator => versions.changed(creator, before, after))
    const again = new Set(tried === TRIES ? [] : changed)
    for (const creator of left) {
      if (!again.has(creator) && records !== undefined) {
        found.set(creator, inOrder(own.get(creator) ?? []))
      }
    }
    if (tried === TRIES) return { creators: found, unsettled: changed.length }
    // Of a shard that is gone meanwhile nobody has anything.
    left = records === undefined ? [] : [...again]
  }
  return { creators: found, unsettled: 0 }
}

const creatorIn = ({ metadata }: StoredRecord): CreatorId =>
  String(metadata?.[RECORD_KEYS.creator]) as CreatorId

async function readTogether(
  records: ChromaCollection,
  creators: readonly CreatorId[],
  signal: AbortSignal,
): Promise<StoredRecord[]> {
  const ids = await currentIds(records, creators, signal)
  const found: StoredRecord[] = []
  for (let start = 0; start < ids.length; start += READ) {
    const some = ids.slice(start, start + READ)
    found.push(...(await get(records, creators, some, signal)))
  }
  // What was deleted meanwhile is missing, and its document with it.
  const versions = CurrentVersions.among(found.map(({ id }) => id))
  return found.filter(({ id }) => versions.has(id))
}

async function get(
  records: ChromaCollection,
  creators: readonly CreatorId[],
  ids: string[],
  signal: AbortSignal,
): Promise<StoredRecord[]> {
  try {
    return await records.get(whereCreators(creators), { ids, include: EVERYTHING }, signal)
  } catch (error) {
    if (!(error instanceof ServerError && error.reason === 'faulty')) throw error
    throw new Failure('unavailable', `Vectors of a shard cannot be read: ${error.message}`, {
      mend: 'find and mend what is lost, then take the backup again: npm run doctor -- --fix',
      cause: error,
    })
  }
}

function inOrder(records: readonly StoredRecord[]): StoredRecord[] {
  const documents = Map.groupBy(records, ({ metadata }) => metadata?.[RECORD_KEYS.document])
  const chunk = ({ metadata }: StoredRecord) => Number(metadata?.[RECORD_KEYS.chunk])
  return [...documents.values()].flatMap(own => own.sort((a, b) => chunk(a) - chunk(b)))
}
