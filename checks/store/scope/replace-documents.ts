import { setTimeout as sleep } from 'node:timers/promises'
import type { Where } from 'chromadb'
import { Failure } from '../../../infra/failure.ts'
import type { Include, NewRecord, StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { raceAbort } from '../../transport/race-abort.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf } from '../records/record-id.ts'
import { type CreatorQuery, fetchSelected } from './fetch-selected.ts'

const TRIES = 8

/**
 * Writes the chunks of some documents and takes away what older versions of them have besides: higher chunks, and
 * metadata keys that are gone (Chroma merges the metadata of an upsert into the old). What is there is looked at first,
 * and goes when the new chunks are in, so that a repeat mends whatever a failure left half done.
 *
 * Chroma has no write on a condition, so two processes can leave one document half of each. Who has written therefore
 * looks, and begins again until all is as it wrote it: the last to write looks after all that was written.
 * @param selected the creators, and of them these documents; a document of the same id of another of these creators
 * is left alone
 * @param make the chunks, with the time at which they are written
 * @throws Failure `unavailable` when others write them as often
 */
export async function replace(
  records: ChromaCollection,
  selected: Pick<CreatorQuery, 'creatorFilter' | 'where'>,
  make: () => readonly NewRecord[],
  signal?: AbortSignal,
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    const started = performance.now()
    const mixed = await write(records, selected, make(), signal)
    if (mixed === undefined) return
    if (tried === TRIES) {
      const document = JSON.stringify(chunkOf(mixed)?.document)
      throw new Failure('unavailable', `Other processes go on writing the document ${document}`, {
        mend: 'put it again',
      })
    }
    // By chance and in terms of what it takes, so that one of two gets it done while the other waits.
    const took = performance.now() - started
    await raceAbort(sleep(2 ** tried * took * Math.random()), signal)
  }
}

/** @returns the id of a record that is not as it was written, or is somebody else's */
async function write(
  records: ChromaCollection,
  selected: Pick<CreatorQuery, 'creatorFilter' | 'where'>,
  fresh: readonly NewRecord[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const documents = new Set(fresh.map(({ id }) => documentOf(id)))
  const byId = (id: string) => documents.has(documentOf(id))
  const look = async (include: Include[]) => {
    const found = await fetchSelected(records, { ...selected, byId }, { include }, signal)
    // What carries no time is of somebody else's making, and is left alone.
    const dated = found.filter(record => byId(record.id) && Number.isFinite(writtenAt(record)))
    return new Map(dated.map(record => [record.id, record]))
  }
  const old = await look(['metadatas'])
  await records.upsert(
    fresh.map(record => withoutOldKeys(record, old.get(record.id))),
    signal,
  )
  for (const { id } of fresh) old.delete(id)
  await deleteUnchanged(records, selected.creatorFilter, [...old.values()], signal)

  const now = await look(['metadatas', 'documents'])
  const written = new Map(fresh.map(record => [record.id, record]))
  return [...written.keys(), ...now.keys()].find(id => !stands(written.get(id), now.get(id)))
}

/** Leaves alone what was written since: by its time, and no clock is trusted to put times in order. */
async function deleteUnchanged(
  records: ChromaCollection,
  own: Where,
  stale: readonly StoredRecord[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (stale.length === 0) return
  const times = [...new Set(stale.map(writtenAt))]
  const unchanged = { $and: [own, { [RECORD_KEYS.createdAt]: { $in: times } }] }
  await records.delete(
    unchanged,
    stale.map(({ id }) => id),
    signal,
  )
}

/**
 * Whether a record is there as it was written, by all in which two writers differ: their times, their texts, and keys
 * of one that came to the other's. Values are not compared, since a fraction may come back a little different.
 */
function stands(record: NewRecord | undefined, found: StoredRecord | undefined): boolean {
  if (record === undefined || found === undefined) return false
  return (
    found.text === record.text &&
    writtenAt(found) === writtenAt(record) &&
    Object.keys(found.metadata ?? {}).length === Object.keys(record.metadata).length
  )
}

/** A document of a creator, as a key. */
function documentOf(id: string): string {
  const { creator, document } = chunkOf(id) ?? {}
  return JSON.stringify([creator, document])
}

const writtenAt = ({ metadata }: Pick<StoredRecord, 'metadata'>): number =>
  Number(metadata?.[RECORD_KEYS.createdAt])

/** The record with a null for each key that an older version left on it. */
function withoutOldKeys(record: NewRecord, old: StoredRecord | undefined): NewRecord {
  const gone = Object.keys(old?.metadata ?? {}).filter(key => !Object.hasOwn(record.metadata, key))
  if (gone.length === 0) return record
  const nulls = Object.fromEntries(gone.map(key => [key, null]))
  return { ...record, metadata: { ...record.metadata, ...nulls } }
}
