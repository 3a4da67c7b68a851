import type { CreatorId } from './creator-id.ts'
import type { TextEmbedder } from './embedder.ts'
import type { Nearest } from './query/nearest.ts'
import type { WriteVersions } from './query/write-versions.ts'
import type { CreatorQuota } from './quota/creator-quota.ts'
import type { ShardCollections } from './shards/shard-collections.ts'
import { CreatorsMoved, type MoveTarget } from './shards/shard-move.ts'

/** What creators' scopes work with while their records are in one generation. */
export interface Generation {
  shards: ShardCollections
  versions: WriteVersions
  embedder: TextEmbedder
  nearest: Nearest
  quota: CreatorQuota
}

/** The generations of a store: follows each creator to the one that it is in. */
export class Generations {
  /** The one that the outputs name. */
  readonly first: Generation
  readonly #open: (target: MoveTarget) => Generation
  readonly #opened = new Map<number, Generation>()

  constructor(first: Generation, open: (target: MoveTarget) => Generation) {
    this.first = first
    this.#open = open
  }

  /** The generation of moved creators. */
  open(target: MoveTarget): Generation {
    const known = this.#opened.get(target.generation)
    if (known !== undefined) return known
    const opened = this.#open(target)
    this.#opened.set(target.generation, opened)
    return opened
  }

  /** What was known of one that is gone again. */
  forget({ generation }: MoveTarget): void {
    this.#opened.delete(generation)
  }

  /** Where a creator is, as far as it is known here. */
  where(creator: CreatorId): Generation {
    let generation = this.first
    for (;;) {
      const target = generation.shards.movedTo(creator)
      if (target === undefined) return generation
      generation = this.open(target)
    }
  }

  /** Does something with a creator's records where they are; where the creator has moved meanwhile, it is done again. */
  async with<T>(creator: CreatorId, use: (generation: Generation) => Promise<T>): Promise<T> {
    for (;;) {
      const generation = this.where(creator)
      try {
        return await use(generation)
      } catch (error) {
        const isElsewhere = this.where(creator) !== generation
        if (!(error instanceof CreatorsMoved) || !isElsewhere) throw error
      }
    }
  }

  /** Where a creator is at this moment. */
  locate(creator: CreatorId, signal?: AbortSignal): Promise<Generation> {
    return this.with(creator, async generation => {
      await generation.shards.read(creator, undefined, async () => undefined, signal)
      return generation
    })
  }

  /** The one that all creators have moved to, or else the last that they began to leave. */
  async newest(signal?: AbortSignal): Promise<Generation> {
    let generation = this.first
    for (;;) {
      const target = await generation.shards.allMovedTo(signal)
      if (target === undefined) return generation
      generation = this.open(target)
    }
  }
}
