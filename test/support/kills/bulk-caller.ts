import type { Acknowledged } from './acknowledged.ts'
import { LAST_EFFECT } from './api-calls.ts'
import type { CreatorPlan } from './creators.ts'
import type { KillableBulk } from './killable-bulk.ts'
import type { OperationPhases } from './phases.ts'

/** A document for a bulk load. */
export interface Loaded {
  plan: CreatorPlan
  document: string
  count: number
}

/** Lets documents of many creators be loaded, and remembers what was acknowledged. */
export class BulkCaller {
  readonly process: KillableBulk
  readonly phases: OperationPhases
  readonly #model: Acknowledged

  constructor(process: KillableBulk, phases: OperationPhases, model: Acknowledged) {
    this.process = process
    this.phases = phases
    this.#model = model
  }

  /** @returns whether it was acknowledged */
  async load(loaded: readonly Loaded[]): Promise<boolean> {
    await this.process.whenRunning()
    const documents = loaded.map(({ plan: { creator }, document: id, count }) => {
      return { creator, id, count, version: this.#model.nextVersion() }
    })
    const writes = documents.map(({ creator, id, version }) =>
      this.#model.begin(creator, id, version),
    )
    const caller = new AbortController()
    const end = this.phases.begin({
      kind: 'bulk',
      creators: documents.map(({ creator }) => creator),
      versions: new Set(documents.map(({ version }) => version)),
      chunks: documents.reduce((sum, { count }) => sum + count, 0),
      hangUp: () => caller.abort(),
    })
    try {
      await this.process.load(documents, caller.signal)
      for (const write of writes) write.acknowledge()
      return true
    } catch {
      // Whose caller has left may go on for longer, and is not bounded: then nobody can tell when it ends.
      for (const write of writes) if (!caller.signal.aborted) write.endWithin(LAST_EFFECT)
      return false
    } finally {
      end()
    }
  }
}
