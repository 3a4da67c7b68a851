import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Where } from 'chromadb'
import type { NewRecord } from '../../chroma/chroma-records.ts'
import type { ChromaServer } from '../../chroma/chroma-server.ts'
import type { ChromaCollection } from '../../chroma/collection.ts'
import { isMissing } from '../../transport/server-error.ts'
import { SPACE } from '../shard-metadata.ts'

const COLLECTION = 'knowledge_marks'
const ANY: Where = { kind: { $eq: 'mark' } }
const named = (names: string[]): Where => ({ name: { $in: names } })
/** Write versions that are read in one request by name. */
const FEW = 64

/** Of a write: under way, or over. */
export type WriteState = 'writing' | 'written'

/** What the value of a version begins with as long as what it stands for is being written. */
const BEING_WRITTEN = 'writing '
export const isBeingWritten = (value: string | undefined): boolean =>
  value?.startsWith(BEING_WRITTEN) === true

/** What a server answered: the values of its versions by their names. */
export interface VersionSnapshot {
  /** Of their collection: tells them from those of an earlier one. */
  path: string
  values: Map<string, string>
}

interface Request {
  names: Set<string>
  answer: Promise<VersionSnapshot | undefined>
}

/**
 * The versions of one server, as records of one dimension in a collection of their own, and the layout of its shards
 * among them (LayoutRecords). Undefined where there is none.
 */
export class VersionStore {
  readonly #server: ChromaServer
  readonly #database: string
  #collection: ChromaCollection | undefined
  /** What was heard last. What came late may be older than what it took the place of. */
  #last: VersionSnapshot | undefined
  /** The request that is sent when the one before it is answered. */
  #next: Request | undefined
  #answered: Promise<unknown> = Promise.resolve()
  /** What this process writes: how many write there, and the value that it gave last. */
  readonly #begun = new Map<string, { writes: number; value: string }>()

  constructor(server: ChromaServer, database: string) {
    this.#server = server
    this.#database = database
  }

  /** As last heard of, which may be long ago. */
  async cached(signal?: AbortSignal): Promise<VersionSnapshot | undefined> {
    return this.#last ?? this.read(undefined, signal)
  }

  /** These as they are now. Those who ask while a request is under way share the next: that one might miss a write. */
  readTogether(names: readonly string[]): Promise<VersionSnapshot | undefined> {
    if (this.#next === undefined || this.#next.names.size >= FEW) this.#next = this.#afterThis()
    for (const name of names) this.#next.names.add(name)
    return this.#next.answer
  }

  #afterThis(): Request {
    const names = new Set<string>()
    const answer = this.#answered.then(async () => {
      // What one question asks for in several places goes together.
      await setImmediate()
      if (this.#next?.names === names) this.#next = undefined
      return this.read([...names])
    })
    this.#answered = answer.catch(() => undefined)
    return { names, answer }
  }

  /** @param names of the records to read as they are now; all versions when absent */
  async read(names?: string[], signal?: AbortSignal): Promise<VersionSnapshot | undefined> {
    const collection = await this.#lookUp(signal)
    if (collection === undefined) return undefined
    try {
      const options = { ...(names && { ids: names }), include: ['metadatas' as const] }
      const found = await collection.get(names === undefined ? ANY : named(names), options, signal)
      // Those of an earlier version carry no name, so they are not found by it, and count in neither way.
      const own = found.filter(({ id, metadata }) => metadata?.name === id)
      const values = new Map(own.map(({ id, metadata }) => [id, String(metadata?.value)]))
      // Of what was read by name alone nobody could tell what else there is.
      if (this.#last?.path !== collection.path)
        this.#last = names ? undefined : { path: collection.path, values: new Map() }
      for (const [name, value] of values) this.#last?.values.set(name, value)
      return { path: collection.path, values }
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#collection = undefined
      this.#last = undefined
      return undefined
    }
  }

  /**
   * Gives these another value, and makes those that are not there. A write that ends leaves those as being written that
   * another has changed since it began: that one ends later, or was killed.
   */
  async bump(names: readonly string[], state: WriteState): Promise<void> {
    for (const name of names) this.#count(name, state)
    const isOver = state === 'written' ? await this.#isOver(names) : () => false
    const fresh = names.map(id => {
      const value = isOver(id) ? randomUUID() : BEING_WRITTEN + randomUUID()
      return { id, metadata: { kind: 'mark', name: id, value }, text: '', vector: [1] }
    })
    for (const { id, metadata } of fresh) {
      const own = this.#begun.get(id)
      if (own !== undefined) own.value = metadata.value
    }
    await this.put(fresh, 'upsert')
    if (this.#last?.path !== this.#collection?.path) return
    for (const { id, metadata } of fresh) this.#last?.values.set(id, metadata.value)
  }

  #count(name: string, state: WriteState): void {
    const own = this.#begun.get(name) ?? { writes: 0, value: '' }
    own.writes += state === 'writing' ? 1 : -1
    this.#begun.set(name, own)
  }

  /** Tells of which names nobody is writing any more, here or in another process. */
  async #isOver(names: readonly string[]): Promise<(name: string) => boolean> {
    const others = names.filter(name => this.#begun.get(name)?.writes === 0)
    const began = new Map(others.map(name => [name, this.#begun.get(name)!.value]))
    for (const name of others) this.#begun.delete(name)
    const now = others.length === 0 ? undefined : await this.read(others)
    return name => began.has(name) && now?.values.get(name) === began.get(name)
  }

  /** Writes records as a collection does; makes the collection when there is none. */
  async put(fresh: readonly NewRecord[], operation: 'add' | 'upsert'): Promise<void> {
    const known = await this.#lookUp()
    try {
      await (known ?? (await this.#make()))[operation](fresh)
    } catch (error) {
      if (!isMissing(error)) throw error
      await (await this.#make())[operation](fresh)
    }
  }

  async #lookUp(signal?: AbortSignal): Promise<ChromaCollection | undefined> {
    if (this.#collection !== undefined) return this.#collection
    const info = await this.#server.findCollection(this.#database, COLLECTION, signal)
    // Remembered only where there is one: another process may make it at any time, and record a shard's layout there.
    if (info !== undefined) this.#collection = this.#server.records(this.#database, info.id)
    return this.#collection
  }

  async #make(): Promise<ChromaCollection> {
    const settings = { space: SPACE, metadata: { kind: 'marks' } } as const
    await this.#server.ensureDatabase(this.#database)
    const info = await this.#server.ensureCollection(this.#database, COLLECTION, settings)
    this.#collection = this.#server.records(this.#database, info.id)
    return this.#collection
  }
}
