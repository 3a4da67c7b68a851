import type { ChromaServer } from '../chroma/chroma-server.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { MadeCollection } from '../chroma/made-collection.ts'
import { isMissing } from '../transport/server-error.ts'

/** Of no generation: what is recorded here stays wherever creators move to. */
const DATABASE = 'knowledge_stack'

/**
 * What is recorded of a stack beside its data, for whoever works with it from whichever machine: on the first server, in a
 * collection for each kind.
 */
export class StackRecords {
  readonly #kind: string
  readonly #collection: MadeCollection

  constructor(server: ChromaServer, kind: string) {
    this.#kind = kind
    this.#collection = new MadeCollection(server, DATABASE, kind, { kind })
  }

  /** Lets all records of the kind through. */
  get all() {
    return { kind: { $eq: this.#kind } }
  }

  /** Undefined where nothing was recorded yet, or the data is another since. */
  async read<T>(
    use: (collection: ChromaCollection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const collection = await this.#collection.find(signal)
    try {
      return collection && (await use(collection))
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#collection.forget()
      return undefined
    }
  }

  /** The values of all records, in no particular order. */
  async values(signal?: AbortSignal): Promise<string[]> {
    const read = (collection: ChromaCollection) =>
      collection.get(this.all, { include: ['metadatas'] }, signal)
    const found = (await this.read(read, signal)) ?? []
    return found.map(({ metadata }) => String(metadata?.value))
  }

  /** @param text kept with it, and read where it is asked for alone */
  async put(id: string, value: object, text = ''): Promise<void> {
    const collection = (await this.#collection.find()) ?? (await this.#collection.make())
    const metadata = { kind: this.#kind, value: JSON.stringify(value) }
    await collection.upsert([{ id, metadata, text, vector: [1] }])
  }

  async remove(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.read(records => records.delete(this.all, ids))
  }
}
