import { z } from 'zod'
import type { ChromaServer } from '../chroma/chroma-server.ts'
import type { CreatorId } from './creator-id.ts'
import { parseRecorded } from './shards/parse-recorded.ts'
import { StackRecords } from './stack-records.ts'

/** A creator who was forgotten at some time. */
const Forgotten = z.object({
  /** creatorKey of the creator. */
  key: z.string(),
  /** The creator, as long as what is left in the servers' files is not erased. */
  creator: z.string().optional(),
  /** Unix seconds: tokens that were made until then are void, and what is older does not come back. */
  until: z.int().nonnegative(),
  /**
   * - `begun`: some of it may still be answered with
   * - `deleted`: nothing is answered with any more
   * - `erased`: nothing is in the files of the servers either
   */
  state: z.enum(['begun', 'deleted', 'erased']),
  chunks: z.int().nonnegative(),
})
export type Forgotten = z.infer<typeof Forgotten>

/** One that is not erased yet: whose it was is known. */
export type Unerased = Forgotten & { creator: CreatorId }

/** The creators who were forgotten, recorded beside the data. */
export class ForgottenCreators {
  readonly #records: StackRecords
  /** As last read, and how many records there were. */
  #last: { size: number; all: Forgotten[] } = { size: 0, all: [] }

  constructor(server: ChromaServer) {
    this.#records = new StackRecords(server, 'forgotten')
  }

  /** All of them, in the order in which they were forgotten. */
  async all(signal?: AbortSignal): Promise<Forgotten[]> {
    return (await this.#records.values(signal)).map(parse).sort((a, b) => a.until - b.until)
  }

  /** Those whose data may still be in files of the servers. */
  async unerased(signal?: AbortSignal): Promise<Unerased[]> {
    const all = await this.all(signal)
    return all.filter((each): each is Unerased => each.state !== 'erased')
  }

  /**
   * For those who look often: one small request as long as nobody more is forgotten.
   * @returns the last second until which tokens of each creator are void, by creatorKey
   */
  async voidUntil(signal?: AbortSignal): Promise<Map<string, number>> {
    const size = (await this.#records.read(records => records.size(signal), signal)) ?? 0
    if (size !== this.#last.size) this.#last = { size, all: await this.all(signal) }
    return new Map(this.#last.all.map(({ key, until }) => [key, until]))
  }

  /**
   * Records what became of a creator.
   * @param traces by which its data is told in files (checks/chroma-files/traces.ts); they stay as they are when absent
   */
  async record(forgotten: Forgotten, traces?: string): Promise<void> {
    const text = traces ?? (await this.traces(forgotten))
    await this.#records.put(idOf(forgotten), forgotten, text)
  }

  /** Records that nothing is left of one, without saying who it was. */
  async erased({ creator: _, ...forgotten }: Unerased): Promise<void> {
    await this.record({ ...forgotten, state: 'erased' }, '')
  }

  async traces(forgotten: Forgotten, signal?: AbortSignal): Promise<string> {
    const options = { ids: [idOf(forgotten)], include: ['documents' as const] }
    const { all } = this.#records
    const found = await this.#records.read(records => records.get(all, options, signal), signal)
    return found?.[0]?.text ?? ''
  }
}

/** Whoever comes back and is forgotten again has two. */
const idOf = ({ key, until }: Forgotten): string => `${key} ${until}`

const parse = (value: string): Forgotten => parseRecorded(Forgotten, value, 'a forgotten creator')
