import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from './caller.ts'
import { CREATORS, type CreatorPlan, documentsOf } from './creators.ts'
import { passThrough } from './directed.ts'
import type { Draw } from './draw.ts'
import type { Incident } from './incidents.ts'
import type { KillWorld } from './kill-world.ts'
import type { Killable } from './killable.ts'
import type { Load } from './load.ts'
import type { Moment } from './phase-proxy.ts'
import type { Operation, Passing } from './phases.ts'

/** An incident that was, as it was. */
export interface Happened extends Incident {
  kind: Operation['kind']
  /** Milliseconds since the start, when it happened and when all was well again. */
  at: number
  over: number
}

/** Milliseconds in which a phase is met at all, or every read is answered again. */
const MET_WITHIN = 8000
const WELL_WITHIN = 30_000
/** A request is left with Chroma for so many milliseconds at most. */
const LONGEST_DELAY = 20
/** What is dead is started again after so many milliseconds at most. */
const LONGEST_DEATH = 500
/** Of a process that was stopped and is killed. */
const LONGEST_WAKING = 100
/** Until an API has heard that its caller has left. */
const HEARD = 20

/** Lets incidents happen one after another, and looks after each whether all is as it was acknowledged. */
export class KillCampaign {
  readonly happened: Happened[] = []
  readonly missed: Incident[] = []
  readonly #world: KillWorld
  readonly #load: Load
  readonly #draw: Draw
  readonly #seed: number
  readonly #pauses: readonly number[]
  #waking: Promise<void> | undefined
  readonly #began = performance.now()

  /** @param pauses milliseconds for which a process is stopped: one of them is drawn */
  constructor(world: KillWorld, load: Load, draw: Draw, seed: number, pauses: readonly number[]) {
    this.#world = world
    this.#load = load
    this.#draw = draw
    this.#seed = seed
    this.#pauses = pauses
  }

  async meet(incident: Incident): Promise<void> {
    const { phase, moment, action, process } = incident
    const { model } = this.#world
    model.during = `seed ${this.#seed}, ${this.happened.length + 1}: ${action}, ${process}, ${moment} ${phase}`
    const sprung = Promise.withResolvers<CreatorPlan[]>()
    // Mostly short: a small request takes Chroma two milliseconds.
    const delay = this.#draw.next() ** 3 * LONGEST_DELAY
    const spring = async (passing: Passing, moment: Moment) => {
      const { kind, creators } = passing.operation
      const at = performance.now() - this.#began
      this.happened.push({ ...incident, moment, kind, at, over: Number.NaN })
      await this.#act(incident, passing)
      sprung.resolve(CREATORS.filter(({ creator }) => creators.includes(creator)))
    }
    const proxy = this.#world.proxyOf(process)
    proxy.trap = { phase, moment, delay, spring }
    const isMet = sprung.promise.then(() => true)
    const until = performance.now() + MET_WITHIN
    let directed: Promise<void> = Promise.resolve()
    while (proxy.trap !== undefined && performance.now() < until) {
      directed = passThrough(incident, this.#world, this.#draw)
      await Promise.race([isMet, directed])
    }
    if (proxy.trap !== undefined) {
      proxy.trap = undefined
      this.missed.push(incident)
      return
    }
    const hit = await sprung.promise
    await sleep(this.#draw.next() * LONGEST_DEATH)
    await this.#world.recover()
    // What is left is looked at before anybody writes it again; but who is stopped is to find on waking that others did.
    const other = this.#world.apis[process === 1 ? 0 : 1]
    if (action !== 'stop API') for (const plan of hit) await this.#readAllBy(other, plan)
    await this.#rewrite(other, this.#draw.of(hit))
    await directed
    await this.#waking
    await this.#world.recover()
    for (const plan of hit) await this.readAll(plan)
    this.happened.at(-1)!.over = performance.now() - this.#began
  }

  /** Until both APIs have answered each of the reads of a creator. */
  async readAll(plan: CreatorPlan): Promise<void> {
    for (const caller of this.#world.apis) await this.#readAllBy(caller, plan)
  }

  /** Each document of a creator in one more version. */
  async writeAll(plan: CreatorPlan): Promise<void> {
    const caller = this.#draw.of(this.#world.apis)
    for (const document of plan.documents) {
      await this.#well(caller, plan, () => caller.put(plan, document, this.#draw.of(plan.counts)))
    }
  }

  async #readAllBy(caller: Caller, plan: CreatorPlan): Promise<void> {
    for (const document of documentsOf(plan))
      await this.#well(caller, plan, () => caller.get(plan, document))
    await this.#well(caller, plan, () => this.#load.query(caller, plan))
    await this.#well(caller, plan, () => caller.list(plan))
  }

  async #act({ action, process }: Incident, { operation }: Passing): Promise<void> {
    const hit = this.#world.processOf(process)
    if (action === 'kill API' || action === 'kill both') await hit.kill()
    if (action === 'kill Chroma' || action === 'kill both') await this.#world.killChroma()
    if (action === 'stop API') this.#waking = this.#stop(hit)
    if (action === 'hang up') {
      operation.hangUp()
      await sleep(HEARD)
    }
  }

  /** Half of those that wake go on, and half are killed in the middle of what they go on with. */
  async #stop(process: Killable): Promise<void> {
    await process.stopFor(this.#draw.of(this.#pauses))
    if (this.#draw.next() < 0.5) return
    await sleep(this.#draw.next() * LONGEST_WAKING)
    await process.kill()
  }

  async #rewrite(caller: Caller, plan: CreatorPlan): Promise<void> {
    for (const document of plan.documents) {
      if (this.#draw.next() < 0.3) await caller.delete(plan, document)
      else await caller.put(plan, document, this.#draw.of(plan.counts))
      await caller.get(plan, document)
    }
  }

  /** Tries until it goes well; that it never does is a fault too. */
  async #well(caller: Caller, plan: CreatorPlan, ask: () => Promise<boolean>) {
    const until = performance.now() + WELL_WITHIN
    while (!(await ask())) {
      if (performance.now() > until) {
        const asked = { process: caller.calls.api.name, asked: 'anything', creator: plan.creator }
        this.#world.model.fault(
          asked,
          `no answer although all processes run: ${caller.calls.lastFailure}`,
        )
        return
      }
      await sleep(50)
    }
  }
}
