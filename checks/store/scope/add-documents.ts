import { setTimeout as sleep } from 'node:timers/promises'
import type { Where } from 'chromadb'
import { Failure } from '../../../infra/failure.ts'
import type { NewRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { raceAbort } from '../../transport/race-abort.ts'
import { RECORD_KEYS } from '../records/metadata.ts'
import { chunkOf } from '../records/record-id.ts'
import { type CreatorQuery, fetchSelected } from './fetch-selected.ts'

const TRIES = 8

/**
 * Writes the chunks of documents that are not there yet. Chroma leaves an id that is taken as it is, so nothing of
 * anybody else's is overwritten; and what is taken out again after a failure is what carries the id of this very
 * call, so nothing of anybody else's is deleted either, also if it came meanwhile.
 *
 * Two who add one document at once may each get some of its chunks in. Whoever finds others' chunks among its own
 * takes its own out and begins again, so that in the end one of them has it and the others are refused.
 * @param selected the creator, and of it these documents
 * @param addition what each of the chunks carries under RECORD_KEYS.addition, and no other record
 * @throws Failure `misused` when one of the documents is there; `unavailable` when others write them as often
 */
export async function addNew(
  records: ChromaCollection,
  selected: Pick<CreatorQuery, 'creatorFilter' | 'where' | 'byId'>,
  fresh: readonly NewRecord[],
  addition: string,
  signal?: AbortSignal,
): Promise<void> {
  const look = () => fetchSelected(records, selected, ALL, signal)
  for (let tried = 1; ; tried += 1) {
    const [taken] = await look()
    if (taken !== undefined) throw isThere(documentOf(taken.id))
    const started = performance.now()
    try {
      await records.add(fresh, signal)
      const found = await look()
      const isOurs = found.every(({ metadata }) => metadata?.[RECORD_KEYS.addition] === addition)
      if (isOurs && found.length === fresh.length) return
      if (tried === TRIES) throw contended(documentOf(fresh[0]!.id))
    } catch (error) {
      // Its caller may be gone by now: that is no reason to leave a half behind.
      await takeOut(records, selected.creatorFilter, fresh, addition).catch(() => {})
      throw error
    }
    await takeOut(records, selected.creatorFilter, fresh, addition)
    // By chance and in terms of what it takes, so that one of two gets it done while the other waits.
    const took = performance.now() - started
    await raceAbort(sleep(2 ** tried * took * Math.random()), signal)
  }
}

const ALL = { include: ['metadatas' as const] }

async function takeOut(
  records: ChromaCollection,
  own: Where,
  written: readonly NewRecord[],
  addition: string,
): Promise<void> {
  await records.delete(
    { $and: [own, { [RECORD_KEYS.addition]: { $eq: addition } }] },
    written.map(({ id }) => id),
  )
}

const documentOf = (id: string): string => JSON.stringify(chunkOf(id)?.document)

const isThere = (document: string) =>
  new Failure('misused', `The document ${document} exists already`, {
    mend: 'upsert it, or delete it first',
  })

const contended = (document: string) =>
  new Failure('unavailable', `Other processes go on writing the document ${document}`, {
    mend: 'add it again',
  })
