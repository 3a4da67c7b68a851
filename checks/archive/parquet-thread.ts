import { Worker } from 'node:worker_threads'
import { Failure } from '../../infra/failure.ts'
import type { ArchivedRow } from './archived-row.ts'

/** A row on its way to the thread: its vector is handed over and not copied. */
type SentRow = Omit<ArchivedRow, 'embedding'> & { embedding: Float32Array<ArrayBuffer> }

export type Asked =
  | { kind: 'open'; path: string; archive: string }
  | { kind: 'write'; rows: SentRow[] }
  | { kind: 'close' }
export type Answer = { failed?: string }

/** Rows of a request: a document may have more than there is memory for. */
const SENT = 500
/** Requests that the thread has not answered yet, at most. */
const UNDER_WAY = 6

/** MiB that it may take: without a limit its memory grows with how long it runs before it looks what can go. */
const MOST_MEMORY = 256

/** A thread that encodes Parquet files, while this one goes on reading. */
export class ParquetThread {
  readonly #worker = new Worker(new URL('./parquet-worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY },
  })
  /** In the order in which they were asked. */
  readonly #waiting: PromiseWithResolvers<void>[] = []
  #failure: Error | undefined

  constructor() {
    this.#worker.on('message', ({ failed }: Answer) => {
      if (failed !== undefined) this.#failure ??= new Error(failed)
      this.#waiting.shift()?.resolve()
    })
    this.#worker.on('error', (error: Error) => {
      this.#failure ??= error
      for (const { resolve } of this.#waiting.splice(0)) resolve()
    })
  }

  /** @param archive its id */
  open(path: string, archive: string): Promise<void> {
    return this.#ask({ kind: 'open', path, archive })
  }

  async write(rows: readonly ArchivedRow[]): Promise<void> {
    for (let start = 0; start < rows.length; start += SENT) {
      const sent = rows
        .slice(start, start + SENT)
        .map(row => ({ ...row, embedding: Float32Array.from(row.embedding) }))
      await this.#ask(
        { kind: 'write', rows: sent },
        sent.map(({ embedding }) => embedding.buffer),
      )
    }
  }

  /** The file is whole when this is over. */
  async close(): Promise<void> {
    await this.#ask({ kind: 'close' })
    await Promise.all(this.#waiting.map(({ promise }) => promise))
    this.#rethrow()
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  async #ask(asked: Asked, handedOver: ArrayBuffer[] = []): Promise<void> {
    this.#rethrow()
    const answer = Promise.withResolvers<void>()
    this.#waiting.push(answer)
    this.#worker.postMessage(asked, handedOver)
    while (this.#waiting.length > UNDER_WAY) await this.#waiting[0]!.promise
  }

  #rethrow(): void {
    if (this.#failure === undefined) return
    const { message } = this.#failure
    throw new Failure('unavailable', `A file of the archive cannot be written: ${message}`, {
      mend: "make room for it in the stack's folder: npm run status says where that is",
      cause: this.#failure,
    })
  }
}
