import type { ChromaServer, CollectionMetadata } from './chroma-server.ts'
import type { ChromaCollection } from './collection.ts'

/** A collection that is made when something is first written to it, by whichever process, and remembered when it is there. */
export class MadeCollection {
  readonly #server: ChromaServer
  readonly #database: string
  readonly #name: string
  readonly #metadata: CollectionMetadata
  #known: ChromaCollection | undefined

  constructor(server: ChromaServer, database: string, name: string, metadata: CollectionMetadata) {
    this.#server = server
    this.#database = database
    this.#name = name
    this.#metadata = metadata
  }

  /** As it was last found or made, without a request. */
  get known(): ChromaCollection | undefined {
    return this.#known
  }

  /** Undefined where there is none: another process may make it at any time. */
  async find(signal?: AbortSignal): Promise<ChromaCollection | undefined> {
    if (this.#known !== undefined) return this.#known
    const info = await this.#server.findCollection(this.#database, this.#name, signal)
    if (info !== undefined) this.#known = this.#server.records(this.#database, info.id)
    return this.#known
  }

  /** Makes it where there is none. */
  async make(): Promise<ChromaCollection> {
    const settings = { space: 'cosine', metadata: this.#metadata } as const
    await this.#server.ensureDatabase(this.#database)
    const info = await this.#server.ensureCollection(this.#database, this.#name, settings)
    this.#known = this.#server.records(this.#database, info.id)
    return this.#known
  }

  /** It is not there any more. */
  forget(): void {
    this.#known = undefined
  }
}
