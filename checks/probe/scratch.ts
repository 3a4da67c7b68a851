import { shardOf } from '../../infra/shards.ts'
import type { ChromaCollection } from '../chroma/collection.ts'
import type { ConnectedDeployment } from '../connected-deployment.ts'
import type { Creator } from '../store/creator.ts'
import { RESERVED_PREFIX } from '../store/creator-id.ts'
import { scoped } from '../store/filter/filter.ts'
import type { Knowledge } from '../store/knowledge.ts'
import { idsOf } from '../store/records/current-versions.ts'
import { VERIFICATION } from '../store/records/metadata.ts'
import type { DocumentVersion } from '../store/records/record-id.ts'
import { type Run, scratchDatabase } from './run-id.ts'

/** The one document of every creator that a run writes. */
export const PROBE_DOCUMENT = 'probe'
/**
 * The versions that it may have: the tag is the verification's own and a document is written once, so what a run writes
 * can be deleted by id, whatever a server says it has.
 */
export const PROBE_VERSIONS: DocumentVersion[] = [1, 2, 3].map(count => ({
  sequence: 1,
  tag: VERIFICATION,
  count,
}))

/**
 * All that a run of the verification may write to: reserved creators in shards that exist, and a throwaway
 * database of its own where an instance has none. What it handed out it takes back.
 *
 * Shards that do not exist are not probed one by one: Chroma 1.5.9 keeps 2.6 MB of memory and 176 KB of disk
 * for every collection that was once written to, deleted or not (measured; the memory until it restarts).
 */
export class Scratch {
  readonly run: Run
  readonly #deployment: ConnectedDeployment
  readonly #creators = new Map<string, Creator>()
  readonly #databases = new Set<number>()
  #live: Knowledge | undefined
  #own: Knowledge | undefined
  #existing: ReadonlySet<number> | undefined

  constructor(deployment: ConnectedDeployment, run: Run) {
    this.#deployment = deployment
    this.run = run
  }

  /** The deployment's store. */
  get live(): Knowledge {
    this.#live ??= this.#deployment.knowledge()
    return this.#live
  }

  /** The shards to be probed: those that exist, and one for each instance that has none yet. */
  async shards(signal: AbortSignal): Promise<number[]> {
    const { shards } = this.live
    const probed = [...(await this.#whichExist(signal))]
    for (let shard = 0; shard < shards.settings.shards; shard += 1) {
      const instance = shards.instanceOf(shard)
      if (!probed.some(other => shards.instanceOf(other) === instance)) probed.push(shard)
    }
    return probed
  }

  /** The first of the shards to be probed on each instance. */
  async shardPerInstance(signal: AbortSignal): Promise<number[]> {
    const { shards } = this.live
    const probed = await this.shards(signal)
    return this.#deployment.chroma.flatMap((_, instance) =>
      probed.filter(shard => shards.instanceOf(shard) === instance).slice(0, 1),
    )
  }

  /** Whether the shard is probed where the deployment has it, and not in the throwaway database. */
  async isLive(shard: number, signal: AbortSignal): Promise<boolean> {
    return (await this.#whichExist(signal)).has(shard)
  }

  /** The store that the shard is probed in. */
  async store(shard: number, signal: AbortSignal): Promise<Knowledge> {
    if (await this.isLive(shard, signal)) return this.live
    const name = scratchDatabase(this.run)
    const instance = this.live.shards.instanceOf(shard)
    if (!this.#databases.has(instance)) {
      this.#databases.add(instance)
      await this.#deployment.chroma[instance]!.ensureDatabase(name, signal)
    }
    this.#own ??= this.#deployment.knowledge(name)
    return this.#own
  }

  /**
   * A reserved creator in a shard.
   * @param name tells the creators of one shard apart
   */
  async creator(shard: number, name: string, signal: AbortSignal): Promise<Creator> {
    const key = `${shard}/${name}`
    const known = this.#creators.get(key)
    if (known !== undefined) return known
    const creator = (await this.store(shard, signal)).probe(this.#idIn(shard, name))
    this.#creators.set(key, creator)
    return creator
  }

  /** Those handed out and not yet cleaned up. */
  creators(): Creator[] {
    return [...this.#creators.values()]
  }

  /** Takes back all that this run wrote. Can be called again; does nothing the second time. */
  async clean(signal: AbortSignal): Promise<void> {
    for (const [key, creator] of this.#creators) {
      if (await this.isLive(creator.shard, signal)) await this.#takeBack(creator, signal)
      this.#creators.delete(key)
    }
    for (const instance of this.#databases) {
      await this.#deployment.chroma[instance]!.deleteDatabase(scratchDatabase(this.run), signal)
      this.#databases.delete(instance)
    }
  }

  async #takeBack({ id, shard }: Creator, signal: AbortSignal): Promise<void> {
    const ids = PROBE_VERSIONS.flatMap(version => idsOf(id, PROBE_DOCUMENT, version))
    const remove = (records: ChromaCollection) => records.delete(scoped(id), ids, signal)
    await this.live.shards.readShard(shard, 0, remove, signal)
  }

  async #whichExist(signal: AbortSignal): Promise<ReadonlySet<number>> {
    this.#existing ??= new Set((await this.live.shards.existing(signal)).keys())
    return this.#existing
  }

  /** An id of this run that the hash puts into the shard. */
  #idIn(shard: number, name: string): string {
    for (let attempt = 0; ; attempt += 1) {
      const id = `${this.run.id}/${name}-${attempt}`
      if (shardOf(RESERVED_PREFIX + id, this.live.shards.settings.shards) === shard) return id
    }
  }
}
