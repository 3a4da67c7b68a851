import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from './caller.ts'
import { type CreatorPlan, documentsOf } from './creators.ts'
import type { Draw } from './draw.ts'
import type { KillWorld } from './kill-world.ts'
import type { Load } from './load.ts'

/** Milliseconds in which everything is answered again when all processes run. */
const WELL_WITHIN = 30_000

/** Asks for all that creators have, and writes it again, until it goes well. */
export class Survey {
  readonly #world: KillWorld
  readonly #load: Load
  readonly #draw: Draw

  constructor(world: KillWorld, load: Load, draw: Draw) {
    this.#world = world
    this.#load = load
    this.#draw = draw
  }

  /** Each of the reads of these creators, by both APIs. */
  async readAll(plans: readonly CreatorPlan[]): Promise<void> {
    for (const caller of this.#world.apis) await this.readAllBy(caller, plans)
  }

  async readAllBy(caller: Caller, plans: readonly CreatorPlan[]): Promise<void> {
    for (const plan of plans) {
      for (const document of documentsOf(plan)) {
        await this.#well(caller, plan, () => caller.get(plan, document))
      }
      await this.#well(caller, plan, () => this.#load.query(caller, plan))
      await this.#well(caller, plan, () => caller.list(plan))
    }
  }

  /** Each document of these creators in one more version. */
  async writeAll(plans: readonly CreatorPlan[]): Promise<void> {
    for (const plan of plans) {
      const caller = this.#draw.of(this.#world.apis)
      for (const document of plan.documents) {
        await this.#well(caller, plan, () => caller.put(plan, document, this.#draw.of(plan.counts)))
      }
    }
  }

  /** Another version of each document of a creator, or none, once and however that ends. */
  async rewriteBy(caller: Caller, plan: CreatorPlan): Promise<void> {
    for (const document of plan.documents) {
      if (this.#draw.next() < 0.3) await caller.delete(plan, document)
      else await caller.put(plan, document, this.#draw.of(plan.counts))
      await caller.get(plan, document)
    }
  }

  /** Tries until it goes well; that it never does is a fault too. */
  async #well({ calls }: Caller, { creator }: CreatorPlan, ask: () => Promise<boolean>) {
    const until = performance.now() + WELL_WITHIN
    while (!(await ask())) {
      if (performance.now() > until) {
        const asked = { process: calls.api.name, asked: 'anything', creator }
        this.#world.model.fault(asked, `no answer although all processes run: ${calls.lastFailure}`)
        return
      }
      await sleep(50)
    }
  }
}
