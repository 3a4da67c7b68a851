import { Failure } from '../../infra/failure.ts'
import { tracesOf } from '../chroma-files/traces.ts'
import type { Creator } from '../store/creator.ts'
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
  return finish(knowledge, creator, begun, traces)
}

/** Forgets those whom a process that was killed has begun to forget. */
export async function finishForgetting(knowledge: Knowledge, begun: Unerased): Promise<Unerased> {
  return finish(knowledge, knowledge.creator(begun.creator), begun, undefined)
}

async function finish(
  { forgotten }: Knowledge,
  creator: Creator,
  begun: Unerased,
  traces: string | undefined,
): Promise<Unerased> {
  const chunks = begun.chunks + (await creator.clear())
  const deleted = { ...begun, state: 'deleted' as const, chunks }
  await forgotten.record(deleted, traces)
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
