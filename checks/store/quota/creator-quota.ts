import type { Quota } from '../../../infra/outputs.ts'
import { isReserved } from '../creator-id.ts'
import type { Scope } from '../scope/scope.ts'
import type { CreatorUsage } from './creator-usage.ts'
import { type DocumentSizes, type Usage, usageOf } from './document-sizes.ts'
import { requireWithin } from './quota.ts'

/** What a creator has, and may have where that is bounded. */
export interface UsageReport extends Usage {
  quota: Quota | undefined
}

/**
 * Holds creators to what each may have. Two processes that write one creator at the same moment may each find room for
 * what is too much together; the next write is refused then.
 */
export class CreatorQuota {
  readonly #quota: Quota | undefined
  readonly #usage: CreatorUsage

  /** @param quota undefined where nobody is counted */
  constructor(quota: Quota | undefined, usage: CreatorUsage) {
    this.#quota = quota
    this.#usage = usage
  }

  /** @throws QuotaExceeded when documents would be more, in place of those of the same ids, than the creator may have */
  async require(
    scope: Scope,
    fresh: ReadonlyMap<string, Usage>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // The verification's creators have no write versions, and little.
    if (this.#quota === undefined || isReserved(scope.creator)) return
    const sizes = await this.#sizes(scope, signal)
    const measure = () => this.#measure(scope, sizes, signal)
    await requireWithin(this.#quota, sizes, fresh, this.#usage.dimension, measure)
  }

  /**
   * Writes documents that were found to be no more than the creator may have.
   * @param written as they are stored, once `write` is over
   */
  async counted(scope: Scope, written: DocumentSizes, write: () => Promise<void>): Promise<void> {
    let isOver = false
    try {
      await write()
      isOver = true
    } finally {
      const version = isOver ? await scope.version.cached().catch(() => undefined) : undefined
      this.#usage.written(scope.creator, isOver ? written : new Map(), version)
    }
  }

  async report(scope: Scope, signal: AbortSignal | undefined): Promise<UsageReport> {
    const sizes = await this.#sizes(scope, signal)
    await this.#measure(scope, sizes, signal)
    return { ...usageOf(sizes), quota: this.#quota }
  }

  #sizes(scope: Scope, signal: AbortSignal | undefined): Promise<DocumentSizes> {
    return scope.read(new Map(), of => this.#usage.current(of, signal), signal)
  }

  #measure(scope: Scope, sizes: DocumentSizes, signal: AbortSignal | undefined): Promise<void> {
    return scope.read(undefined, of => this.#usage.measure(of, sizes, signal), signal)
  }
}
