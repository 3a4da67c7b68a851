import type { ChromaServer } from '../chroma/chroma-server.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import { isMissing } from '../transport/server-error.ts'
import { SPACE } from './shards/shard-metadata.ts'

/** Of no generation: what is recorded here stays wherever creators move to. */
const DATABASE = 'knowledge_stack'

/**
 * What is recorded of a stack beside its data, for whoever works with it from whichever machine: on the first server, in a
 * collection for each kind.
 */
export class StackRecords {
  readonly #server: ChromaServer
  readonly #kind: string
  #collection: ChromaCollection | undefined

  constructor(server: ChromaServer, kind: string) {
    this.#server = server
    this.#kind = kind
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
    const collection = await this.#find(signal)
    try {
      return collection && (await use(collection))
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#collection = undefined
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
    const collection = (await this.#find()) ?? (await this.#make())
    const metadata = { kind: this.#kind, value: JSON.stringify(value) }
    await collection.upsert([{ id, metadata, text, vector: [1] }])
  }

  async #find(signal?: AbortSignal): Promise<ChromaCollection | undefined> {
    if (this.#collection !== undefined) return this.#collection
    const info = await this.#server.findCollection(DATABASE, this.#kind, signal)
    if (info !== undefined) this.#collection = this.#server.records(DATABASE, info.id)
    return this.#collection
  }

  async #make(): Promise<ChromaCollection> {
    const settings = { space: SPACE, metadata: { kind: this.#kind } } as const
    await this.#server.ensureDatabase(DATABASE)
    const info = await this.#server.ensureCollection(DATABASE, this.#kind, settings)
    this.#collection = this.#server.records(DATABASE, info.id)
    return this.#collection
  }
}
