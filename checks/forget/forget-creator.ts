import { Failure } from '../../infra/failure.ts'
import { tracesOf } from '../chroma-files/traces.ts'
import { type Forgotten, keyOf, type Unerased } from '../store/forgotten.ts'
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
  const begun = {
    key: keyOf(creator.id),
    creator: creator.id,
    until: Math.floor(now / 1000),
    state: 'begun' as const,
    chunks: 0,
  }
  await knowledge.forgotten.record(begun, traces)
  return begun
}

/** Takes what the creator has out of all answers. */
export async function finishForgetting(knowledge: Knowledge, begun: Unerased): Promise<Unerased> {
  const chunks = begun.chunks + (await knowledge.creator(begun.creator).clear())
  const deleted = { ...begun, state: 'deleted' as const, chunks }
  await knowledge.forgotten.record(deleted)
  return deleted
}

/**
 * Requires that forgotten creators have nothing, which somebody may have written while they were forgotten.
 * @throws Failure `refused` that names one who has
 */
export async function requireNothingLeft(
  knowledge: Knowledge,
  forgotten: readonly Forgotten[],
  signal: AbortSignal,
): Promise<void> {
  for (const { creator } of forgotten) {
    const chunks = await knowledge.creator(creator).count({}, signal)
    if (chunks === 0) continue
    throw new Failure(
      'refused',
      `${JSON.stringify(creator)} has ${chunks} chunks, which were written while it was forgotten`,
      { mend: 'see to it that nobody writes for it any more, and forget it again' },
    )
  }
}
