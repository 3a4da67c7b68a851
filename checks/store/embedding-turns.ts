import type { Millis } from '../../infra/units.ts'
import { KeyedLimit } from './scope/keyed-limit.ts'

/** Turns texts into vectors, in the same order. */
export type Embed = (texts: string[], signal?: AbortSignal) => Promise<number[][]>

/** Of a batch of documents' texts, about: a question that comes meanwhile waits for no more. */
const BATCH_TIME: Millis = 200
/** Enough that a request's own time does not count. */
const BATCH_TEXTS = 64
/** UTF-16 code units of the first batch, of which nobody knows how long it takes: two chunks. */
const FIRST_ROOM = 4096
const ALL = ''

/**
 * In which order texts are embedded: the server takes what comes first, so what is sent to it is kept short. Of
 * documents one batch is under way at a time, and one of each writer waits, so that writers take turns. Questions pass
 * that queue, one of each asker at a time.
 */
export class EmbeddingTurns {
  readonly #embed: Embed
  readonly #questions = new KeyedLimit(1)
  readonly #writers = new KeyedLimit(1)
  readonly #batches = new KeyedLimit(1)
  /** UTF-16 code units that some BATCH_TIME is enough for, by what batches took before. */
  #room = FIRST_ROOM

  constructor(embed: Embed) {
    this.#embed = embed
  }

  /** @param asker whose other questions come before it or after it */
  question(text: string, asker: string, signal?: AbortSignal): Promise<number[][]> {
    return this.#questions.run(asker, () => this.#embed([text], signal), signal)
  }

  /** @param writer whose other documents' batches come before each of it or after it */
  async documents(
    texts: readonly string[],
    writer: string,
    signal?: AbortSignal,
  ): Promise<number[][]> {
    const vectors: number[][] = []
    for (let start = 0; start < texts.length; ) {
      let batch: string[] = []
      const embed = () => {
        batch = this.#batchOf(texts, start)
        return this.#timed(batch, signal)
      }
      const turn = () => this.#batches.run(ALL, embed, signal)
      vectors.push(...(await this.#writers.run(writer, turn, signal)))
      start += batch.length
    }
    return vectors
  }

  #batchOf(texts: readonly string[], start: number): string[] {
    const batch: string[] = []
    let units = 0
    for (const text of texts.slice(start, start + BATCH_TEXTS)) {
      units += text.length
      if (batch.length > 0 && units > this.#room) break
      batch.push(text)
    }
    return batch
  }

  async #timed(batch: string[], signal: AbortSignal | undefined): Promise<number[][]> {
    const started = performance.now()
    const vectors = await this.#embed(batch, signal)
    const took = performance.now() - started
    const units = batch.reduce((sum, { length }) => sum + length, 0)
    const enough = (units * BATCH_TIME) / took
    // A short batch says little of how long a full one takes, so the room grows by what nearly filled it alone.
    const isFull = 2 * units > this.#room
    if (took > BATCH_TIME) this.#room = Math.max(1, enough)
    else if (isFull) this.#room = Math.min(2 * this.#room, enough)
    return vectors
  }
}
