import { shardOf } from '../../infra/shards.ts'
import type { Deployment } from '../deployment.ts'
import type { Creator } from '../knowledge/creator.ts'
import { RESERVED_PREFIX } from '../knowledge/creator-id.ts'
import type { Knowledge } from '../knowledge/knowledge.ts'
import { type Run, scratchDatabase } from './run.ts'

/**
 * All that a run of the verification may write to: reserved creators in shards that exist, and a throwaway
 * database of its own for those that do not. What it handed out it takes back.
 */
export class Scratch {
  readonly run: Run
  readonly #deployment: Deployment
  readonly #creators = new Map<string, Creator>()
  readonly #databases = new Set<number>()
  #live: Knowledge | undefined
  #own: Knowledge | undefined
  #existing: ReadonlySet<number> | undefined

  constructor(deployment: Deployment, run: Run) {
    this.#deployment = deployment
    this.run = run
  }

  /** The deployment's store. */
  get live(): Knowledge {
    this.#live ??= this.#deployment.knowledge()
    return this.#live
  }

  /** The run's throwaway database on an instance, made when first asked for. @returns its name */
  async database(instance: number, signal: AbortSignal): Promise<string> {
    const name = scratchDatabase(this.run)
    this.#databases.add(instance)
    await this.#deployment.chroma[instance]!.ensureDatabase(name, signal)
    return name
  }

  /** The store that has this shard: the live one when the shard exists, else the run's throwaway one. */
  async store(shard: number, signal: AbortSignal): Promise<Knowledge> {
    this.#existing ??= new Set((await this.live.shards.existing(signal)).keys())
    if (this.#existing.has(shard)) return this.live
    this.#own ??= this.#deployment.knowledge(scratchDatabase(this.run))
    this.#databases.add(this.#own.shards.instanceOf(shard))
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
      await creator.clear(signal)
      this.#creators.delete(key)
    }
    for (const instance of this.#databases) {
      await this.#deployment.chroma[instance]!.deleteDatabase(scratchDatabase(this.run), signal)
      this.#databases.delete(instance)
    }
    this.#own = undefined
  }

  /** An id of this run that the hash puts into the shard. */
  #idIn(shard: number, name: string): string {
    for (let attempt = 0; ; attempt += 1) {
      const id = `${this.run.id}/${name}-${attempt}`
      if (shardOf(RESERVED_PREFIX + id, this.live.shards.settings.shards) === shard) return id
    }
  }
}
