import { randomUUID } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Where } from 'chromadb'
import { type Millis, minutes } from '../../../infra/units.ts'
import type { NewRecord, StoredRecord } from '../../chroma/chroma-records.ts'
import type { ChromaServer } from '../../chroma/chroma-server.ts'
import { MadeCollection } from '../../chroma/made-collection.ts'
import { isMissing } from '../../transport/server-error.ts'

const COLLECTION = 'knowledge_marks'
const VERSION = 'mark'
const WRITING = 'writing'
const ANY: Where = { kind: { $in: [VERSION, WRITING] } }
const named = (names: string[]): Where => ({ name: { $in: names } })
/** Write versions that are read in one request by name. */
const FEW = 64
/** Some ten times as long as the answer to such a request usually takes. */
const STALLED_AFTER: Millis = 50
/** Such requests at once, so that they leave connections to others when all of them stall. */
const MOST_UNDER_WAY = 4
/** No write takes as long: who announced one then was killed. */
const ABANDONED_AFTER: Millis = minutes(15)

/** What a server answered. */
export interface VersionSnapshot {
  /** Of their collection: tells them from those of an earlier one. */
  path: string
  /** The values of versions by their names, and of other records by their ids. */
  values: Map<string, string>
  /** The writes that are under way, by the names of versions: their records, and when they began, in Unix milliseconds. */
  writing: Map<string, ReadonlyMap<string, number>>
}

/** A write that was announced. */
export interface Announcement {
  /** Of versions. */
  names: readonly string[]
  /** The records that tell of it, one for each name. */
  ids: readonly string[]
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
  readonly #collection: MadeCollection
  /** What was heard last. What came late may be older than what it took the place of. */
  #last: VersionSnapshot | undefined
  /** The request that is sent next. */
  #next: Request | undefined
  /** When the request before it is answered, or fails. */
  #answered: Promise<unknown> = Promise.resolve()
  readonly #underWay = new Set<Promise<unknown>>()
  constructor(server: ChromaServer, database: string) {
    this.#collection = new MadeCollection(server, database, COLLECTION, { kind: 'marks' })
  }

  /** As last heard of, which may be long ago. */
  async cached(signal?: AbortSignal): Promise<VersionSnapshot | undefined> {
    return this.#last ?? this.read(undefined, signal)
  }

  /**
   * These as they are now. Those who ask while a request is under way share the next: that one might miss a write. The
   * next waits for its answer, but not for one that stalls.
   */
  readTogether(names: readonly string[]): Promise<VersionSnapshot | undefined> {
    if (this.#next === undefined || this.#next.names.size >= FEW) this.#next = this.#afterThis()
    for (const name of names) this.#next.names.add(name)
    return this.#next.answer
  }

  #afterThis(): Request {
    const names = new Set<string>()
    const before = this.#answered
    const send = async () => {
      await Promise.race([before, setTimeout(STALLED_AFTER)])
      while (this.#underWay.size >= MOST_UNDER_WAY) await Promise.race(this.#underWay)
      // What one question asks for in several places goes together.
      await setImmediate()
      if (this.#next?.names === names) this.#next = undefined
      return this.#readUnderWay([...names])
    }
    const answer = send()
    this.#answered = answer.catch(() => undefined)
    return { names, answer }
  }

  #readUnderWay(names: string[]): Promise<VersionSnapshot | undefined> {
    const answer = this.read(names)
    const over: Promise<unknown> = answer
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(over))
    this.#underWay.add(over)
    return answer
  }

  /** @param names of the records to read as they are now; all versions when absent */
  async read(names?: string[], signal?: AbortSignal): Promise<VersionSnapshot | undefined> {
    const collection = await this.#collection.find(signal)
    if (collection === undefined) return undefined
    try {
      const where = names === undefined ? ANY : named(names)
      const found = await collection.get(where, { include: ['metadatas'] }, signal)
      const seen = snapshotOf(collection.path, found)
      this.#hear(seen, names)
      return seen
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#collection.forget()
      this.#last = undefined
      return undefined
    }
  }

  #hear({ path, values, writing }: VersionSnapshot, names: readonly string[] | undefined): void {
    if (names === undefined || this.#last === undefined || this.#last.path !== path) {
      // Of what was read by name alone nobody could tell what else there is.
      this.#last =
        names === undefined
          ? { path, values: new Map(values), writing: new Map(writing) }
          : undefined
      return
    }
    for (const name of names) {
      const value = values.get(name)
      if (value !== undefined) this.#last.values.set(name, value)
      this.#last.writing.set(name, writing.get(name) ?? NOBODY)
    }
  }

  /**
   * Tells all processes that what these versions stand for is being written. A record for each write, so that none hides
   * another's.
   */
  async begin({ names, ids }: Announcement): Promise<void> {
    const at = Date.now()
    const record = (name: string, id: string) => ({ kind: WRITING, name, value: id, at })
    await this.put(
      ids.map((id, index) => ({ id, metadata: record(names[index]!, id), text: '', vector: [1] })),
      'add',
    )
    for (const [index, id] of ids.entries()) {
      const name = names[index]!
      this.#last?.writing.set(name, new Map(this.#last.writing.get(name)).set(id, at))
    }
  }

  /** Gives the versions other values, and takes back that they are being written. */
  async end({ names, ids }: Announcement): Promise<void> {
    const fresh = names.map(id => ({
      id,
      metadata: { kind: VERSION, name: id, value: randomUUID() },
      text: '',
      vector: [1],
    }))
    await this.put(fresh, 'upsert')
    const over = [...ids, ...names.flatMap(name => this.#abandoned(name))]
    // What stays only keeps others from keeping what they read.
    await this.#collection.known?.delete({ kind: { $eq: WRITING } }, over).catch(() => undefined)
    const { path, values, writing } = this.#last ?? {}
    if (values === undefined || writing === undefined || path !== this.#collection.known?.path)
      return
    for (const { id, metadata } of fresh) {
      values.set(id, metadata.value)
      const left = [...(writing.get(id) ?? NOBODY)].filter(([other]) => !over.includes(other))
      writing.set(id, new Map(left))
    }
  }

  #abandoned(name: string): string[] {
    const writes = [...(this.#last?.writing.get(name) ?? NOBODY)]
    return writes.flatMap(([id, at]) => (at < Date.now() - ABANDONED_AFTER ? [id] : []))
  }

  /** Writes records as a collection does; makes the collection when there is none. */
  async put(fresh: readonly NewRecord[], operation: 'add' | 'upsert'): Promise<void> {
    const known = await this.#collection.find()
    try {
      await (known ?? (await this.#collection.make()))[operation](fresh)
    } catch (error) {
      if (!isMissing(error)) throw error
      await (await this.#collection.make())[operation](fresh)
    }
  }

  async remove(where: Where): Promise<void> {
    await (await this.#collection.find())?.delete(where, undefined)
  }
}

const NOBODY: ReadonlyMap<string, number> = new Map()

function snapshotOf(path: string, found: readonly StoredRecord[]): VersionSnapshot {
  const values = new Map<string, string>()
  const writing = new Map<string, Map<string, number>>()
  for (const { id, metadata = {} } of found) {
    const name = String(metadata.name)
    if (metadata.kind === WRITING) {
      writing.set(name, (writing.get(name) ?? new Map()).set(id, Number(metadata.at)))
    } else if (metadata.name !== undefined) {
      // Those of an earlier version carry none.
      values.set(id, String(metadata.value))
    }
  }
  return { path, values, writing }
}
