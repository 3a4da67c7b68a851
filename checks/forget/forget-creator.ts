import { Failure } from '../../infra/failure.ts'
import { tracesOf } from '../chroma-files/traces.ts'
import { creatorKey } from '../store/creator-id.ts'
import type { Unerased } from '../store/forgotten.ts'
import type { Knowledge } from '../store/knowledge.ts'

/** Records of a creator by which its data is looked for in files: of more, so many. */
const SAMPLED = 256

/**
 * Forgets a creator: from when this is over nothing of it is answered with, by whichever process, and the tokens that
 * were made for it until now are void. What it has left in the files of the servers is there until it is erased.
 * @param now Unix milliseconds
 * @returns what is recorded of it
 * @throws Failure `misused` for what is no creator id
 */
export async function forgetCreator(
  knowledge: Knowledge,
  id: string,
  now: number,
): Promise<Unerased> {
  return finishForgetting(knowledge, await beginForgetting(knowledge, id, now))
}

/**
 * Records that a creator is to be forgotten: its tokens are void, and whoever forgets next does the rest.
 * @param now and @throws as forgetCreator
 */
export async function beginForgetting(
  knowledge: Knowledge,
  id: string,
  now: number,
): Promise<Unerased> {
  const creator = knowledge.creator(id)
  const traces = tracesOf(await creator.sample(SAMPLED))
  const { forgotten } = knowledge
  const begun = {
    key: creatorKey(creator.id),
    creator: creator.id,
    until: Math.floor(now / 1000),
    state: 'begun' as const,
    chunks: 0,
  }
  // Who is asked twice in a second has nothing left to take traces of at the second time.
  const before = (await forgotten.unerased()).find(
    ({ key, until }) => key === begun.key && until === begun.until,
  )
  const known = before === undefined ? '' : await forgotten.traces(before)
  const all = [known, traces].filter(traces => traces !== '').join(' ')
  await forgotten.record({ ...begun, chunks: before?.chunks ?? 0 }, all)
  return { ...begun, chunks: before?.chunks ?? 0 }
}

/** Takes what the creator has out of all answers. */
export async function finishForgetting(knowledge: Knowledge, begun: Unerased): Promise<Unerased> {
  const chunks = begun.chunks + (await knowledge.creator(begun.creator).clear())
  const deleted = { ...begun, state: 'deleted' as const, chunks }
  await knowledge.forgotten.record(deleted)
  return deleted
}

/**
 * Requires that forgotten creators have nothing of before, which a writer that had begun may have put in meanwhile.
 * @throws Failure `refused` that names one who has
 */
export async function requireNothingLeft(
  knowledge: Knowledge,
  forgotten: readonly Unerased[],
  signal: AbortSignal,
): Promise<void> {
  for (const { creator, until } of forgotten) {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const { items, next } = await knowledge.creator(creator).documentsPage({ cursor }, signal)
      const left = items.find(({ updatedAt }) => updatedAt.getTime() / 1000 <= until)
      if (left !== undefined) throw writtenMeanwhile(creator, left.document)
      cursor = next
    }
  }
}

const writtenMeanwhile = (creator: string, document: string): Failure =>
  new Failure(
    'refused',
    `${JSON.stringify(creator)} has the document ${JSON.stringify(document)}, which was written while it was forgotten`,
    { mend: 'see to it that nobody writes for it any more, and forget it again' },
  )
