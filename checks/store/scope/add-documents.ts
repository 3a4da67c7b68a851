import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../infra/failure.ts'
import type { NewRecord } from '../../chroma/chroma-records.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { chunkOf } from '../records/record-id.ts'
import { selectIds } from './select-ids.ts'
import { type DocumentWrite, deleteRecords, putIn, recordsAfter } from './write-documents.ts'

const TRIES = 8

/**
 * Writes documents that are not there yet. What is taken out again after a failure is the version that was drawn for
 * this very call, so nothing of anybody else's is deleted.
 *
 * Two who add one document at once may both get it in. Whoever finds another's records that were not there before
 * takes its own out and begins again, so that in the end one of them has it and the others are refused.
 * @param put ids of what this call has put in, where it does it again because the shard was moved
 * @throws DocumentExists when one of the documents is there; Failure `unavailable` when others write them as often
 */
export async function addDocuments(
  records: ChromaCollection,
  write: DocumentWrite,
  put: Set<string>,
): Promise<void> {
  const { creatorFilter } = write.selected
  await write.during(async announced => {
    await announced
    for (let tried = 1; ; tried += 1) {
      const started = performance.now()
      const { current, all } = await selectIds(records, write.selected)
      const other = current.find(id => !put.has(id))
      if (other !== undefined) throw new DocumentExists(documentOf(other))
      const fresh = recordsAfter(all, write)
      const own = fresh.flat().map(({ id }) => id)
      for (const id of own) put.add(id)
      if (await isAlone(records, write, fresh, all)) {
        // What was moved along with the shard counts no more.
        const moved = all.filter(id => put.has(id))
        await deleteRecords(records, creatorFilter, moved).catch(() => undefined)
        return
      }
      await deleteRecords(records, creatorFilter, own)
      if (tried === TRIES) throw contended(documentOf(own[0]!))
      // By chance and in terms of what it takes, so that one of two gets it done while the other waits.
      const took = performance.now() - started
      await sleep(2 ** tried * took * Math.random())
    }
  })
}

/** Puts records in. @returns whether nobody else did meanwhile */
async function isAlone(
  records: ChromaCollection,
  { selected }: Pick<DocumentWrite, 'selected'>,
  fresh: NewRecord[][],
  before: readonly string[],
): Promise<boolean> {
  const own = fresh.flat().map(({ id }) => id)
  try {
    await putIn(records, selected.creatorFilter, fresh)
    const { all } = await selectIds(records, selected)
    const known = new Set([...before, ...own])
    return all.every(id => known.has(id))
  } catch (error) {
    await deleteRecords(records, selected.creatorFilter, own).catch(() => undefined)
    throw error
  }
}

const documentOf = (id: string): string => JSON.stringify(chunkOf(id)?.document)

/** A document that was to be added is there. */
export class DocumentExists extends Failure {
  constructor(document: string) {
    super('misused', `The document ${document} exists already`, {
      mend: 'upsert it, or delete it first',
    })
  }
}

const contended = (document: string) =>
  new Failure('unavailable', `Other processes go on writing the document ${document}`, {
    mend: 'add it again',
  })
