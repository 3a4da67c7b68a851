import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from './caller.ts'
import { textOf, vectorOf } from './chunk-texts.ts'
import { CREATORS, type CreatorPlan, STANDING } from './creators.ts'
import type { Draw } from './draw.ts'
import type { KillWorld } from './kill-world.ts'

/** Milliseconds between two operations of a caller, at most: the machine is to have time for those who are hit. */
const PAUSE = { writer: 200, reader: 60, bulk: 1500 }

/** Chunks that were asked for by their own vector, and how many were not the first hit. */
export interface Found {
  asked: number
  missed: number
}

/** What goes on all the time: writers and readers at both APIs, and a loader. */
export class Load {
  readonly found: Found = { asked: 0, missed: 0 }
  readonly #world: KillWorld
  readonly #draw: Draw
  readonly #standing = new Map<CreatorPlan, number>()
  readonly #loops: Promise<void>[] = []
  #isOver = false

  constructor(world: KillWorld, draw: Draw) {
    this.#world = world
    this.#draw = draw
  }

  /** Puts in what is never written again. */
  async prepare(): Promise<void> {
    const [caller] = this.#world.apis
    for (const plan of CREATORS.filter(({ isSmall }) => !isSmall)) {
      const { document, count } = STANDING
      if (!(await caller.put(plan, document, count))) throw new Error('the first put failed')
      this.#standing.set(plan, this.#world.model.of(plan.creator, document).lastAcknowledged!)
    }
  }

  start(): void {
    for (const caller of this.#world.apis) {
      this.#loop(PAUSE.writer, () => this.writeAnything(caller))
      this.#loop(PAUSE.reader, () => this.readAnything(caller))
    }
    this.#loop(PAUSE.bulk, async () => {
      const plans = CREATORS.filter(({ isSmall }) => isSmall)
      const load = plans.map(plan => ({ plan, ...this.#version(plan) }))
      await this.#world.bulk.load(load)
    })
  }

  /** When all that is under way is over. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async writeAnything(caller: Caller): Promise<void> {
    // Mostly small ones: the large take most of the time.
    const small = CREATORS.filter(({ isSmall }) => isSmall)
    const plan = this.#draw.next() < 0.7 ? this.#draw.of(small) : this.#draw.of(CREATORS)
    const { document, count } = this.#version(plan)
    if (this.#draw.next() < 0.25) await caller.delete(plan, document)
    else await caller.put(plan, document, count)
  }

  async readAnything(caller: Caller): Promise<void> {
    const plan = this.#draw.of(CREATORS)
    const kind = this.#draw.below(4)
    if (kind === 0) await caller.get(plan, this.#draw.of(plan.documents))
    else if (kind === 1) await caller.list(plan)
    else if (kind === 2) await this.query(caller, plan)
    else await caller.query(plan, vectorOf(`${this.#draw.next()}`), this.#selection(plan))
  }

  /** Asks a large creator for a chunk of what stands, and a small one for all that it has. */
  async query(caller: Caller, plan: CreatorPlan): Promise<boolean> {
    const { count } = STANDING
    const version = this.#standing.get(plan)
    const text = textOf({ version: version ?? 0, index: this.#draw.below(count), count })
    const hits = await caller.query(plan, vectorOf(text))
    if (hits === undefined) return false
    if (version !== undefined) {
      this.found.asked += 1
      if (hits[0]?.text !== text) this.found.missed += 1
    }
    return true
  }

  /** Some documents, or a filter that lets all through: one that the API applies itself, and one that Chroma does. */
  #selection(plan: CreatorPlan) {
    const kind = this.#draw.below(3)
    if (kind === 0) return { documents: [this.#draw.of(plan.documents)] }
    return { filter: { version: { $gt: kind === 1 ? 0 : 0.5 } } }
  }

  #version(plan: CreatorPlan) {
    return { document: this.#draw.of(plan.documents), count: this.#draw.of(plan.counts) }
  }

  #loop(pause: number, work: () => Promise<void>): void {
    const turn = async () => {
      while (!this.#isOver) {
        await work()
        await sleep(pause * this.#draw.next())
      }
    }
    this.#loops.push(turn())
  }
}
