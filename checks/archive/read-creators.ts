import { Failure } from '../../infra/failure.ts'
import { partsWithin } from '../chroma/batches.ts'
import type { StoredRecord } from '../chroma/chroma-records.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { CreatorId } from '../store/creator-id.ts'
import type { Generation } from '../store/generations.ts'
import type { VersionSnapshot } from '../store/query/write-version-store.ts'
import { CurrentVersions, documentKeyOf } from '../store/records/current-versions.ts'
import { RECORD_KEYS } from '../store/records/metadata.ts'
import { chunkOf } from '../store/records/record-id.ts'
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
  const { shards } = generation
  const found = new Map<CreatorId, StoredRecord[]>()
  let left = creators.map(({ creator }) => creator)
  for (let tried = 1; left.length > 0; tried += 1) {
    const before = await shards.layouts.versions(shard)
    const read = (records: ChromaCollection) => readTogether(records, left, signal)
    const records = await shards.readShard(shard, undefined, read, signal)
    const after = await shards.layouts.versions(shard)
    const own = Map.groupBy(records ?? [], creatorIn)
    const changed = left.filter(creator => hasChanged(generation, creator, before, after))
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

/**
 * Whether a creator may have been written between two looks. Where there are no write versions at all, nobody has written
 * since there are any.
 */
function hasChanged(
  { versions }: Generation,
  creator: CreatorId,
  before: VersionSnapshot | undefined,
  after: VersionSnapshot | undefined,
): boolean {
  if (before === undefined && after === undefined) return false
  return versions.changed(creator, before, after)
}

const creatorIn = ({ metadata }: StoredRecord): CreatorId =>
  String(metadata?.[RECORD_KEYS.creator]) as CreatorId

/**
 * All records of one creator who has many, some whole documents at a time, with memory for those. Which there are is
 * known at one write version; of a document that was written before it was read, what it is then comes at the end.
 * @returns whether there were such documents
 */
export async function* readLargeCreator(
  generation: Generation,
  shard: number,
  creator: CreatorId,
  signal: AbortSignal,
): AsyncGenerator<StoredRecord[], boolean> {
  let documents = await documentsOf(generation, shard, creator, signal)
  let isUnsettled = false
  for (let tried = 1; documents.size > 0; tried += 1) {
    const missing = new Set<string>()
    for (const slice of partsWithin(documents.values(), ({ length }) => length, READ)) {
      const read = (records: ChromaCollection) =>
        get(records, [creator], { ids: slice.flat(), include: EVERYTHING }, signal)
      const found = await generation.shards.readShard(shard, [], read, signal)
      const there = new Map(found.map(record => [record.id, record]))
      for (const ids of slice) {
        if (ids.every(id => there.has(id))) yield ids.map(id => there.get(id)!)
        else missing.add(documentKeyOf(ids[0]!) ?? '')
      }
    }
    if (missing.size === 0) break
    isUnsettled = true
    if (tried === TRIES) throw alwaysWritten(creator)
    const now = await documentsOf(generation, shard, creator, signal)
    documents = new Map([...now].filter(([key]) => missing.has(key)))
  }
  return isUnsettled
}

const alwaysWritten = (creator: string) =>
  new Failure(
    'unavailable',
    `A document of the creator ${JSON.stringify(creator)} is written again and again before it can be read`,
    { mend: 'take the backup again when it is not' },
  )

/** The ids of a creator's documents, their chunks by position, at one write version where that can be had. */
async function documentsOf(
  generation: Generation,
  shard: number,
  creator: CreatorId,
  signal: AbortSignal,
): Promise<Map<string, string[]>> {
  const { shards } = generation
  for (let tried = 1; ; tried += 1) {
    const before = await shards.layouts.versions(shard)
    const list = (records: ChromaCollection) => currentIds(records, [creator], signal)
    const ids = await shards.readShard(shard, [], list, signal)
    const after = await shards.layouts.versions(shard)
    if (tried < TRIES && hasChanged(generation, creator, before, after)) continue
    const documents = Map.groupBy(ids, id => documentKeyOf(id) ?? '')
    for (const own of documents.values()) own.sort((a, b) => chunkIn(a) - chunkIn(b))
    return documents
  }
}

const chunkIn = (id: string): number => chunkOf(id)?.chunk ?? 0

async function readTogether(
  records: ChromaCollection,
  creators: readonly CreatorId[],
  signal: AbortSignal,
): Promise<StoredRecord[]> {
  const found = await get(records, creators, { include: EVERYTHING }, signal)
  const versions = CurrentVersions.among(found.map(({ id }) => id))
  return found.filter(({ id }) => versions.has(id))
}

/** Of records that are deleted while they are read, the server may have no vector any more. */
async function get(
  records: ChromaCollection,
  creators: readonly CreatorId[],
  options: Parameters<ChromaCollection['get']>[1],
  signal: AbortSignal,
): Promise<StoredRecord[]> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await records.get(whereCreators(creators), options, signal)
    } catch (error) {
      if (!(error instanceof ServerError && error.reason === 'faulty')) throw error
      if (tried < TRIES) continue
      throw new Failure('unavailable', `Vectors of a shard cannot be read: ${error.message}`, {
        mend: 'find and mend what is lost, then take the backup again: npm run doctor -- --fix',
        cause: error,
      })
    }
  }
}

function inOrder(records: readonly StoredRecord[]): StoredRecord[] {
  const documents = Map.groupBy(records, ({ metadata }) => metadata?.[RECORD_KEYS.document])
  const chunk = ({ metadata }: StoredRecord) => Number(metadata?.[RECORD_KEYS.chunk])
  return [...documents.values()].flatMap(own => own.sort((a, b) => chunk(a) - chunk(b)))
}
