import { setTimeout as sleep } from 'node:timers/promises'
import { CREATORS, type CreatorPlan } from './creators.ts'
import { passThrough } from './directed.ts'
import type { Draw } from './draw.ts'
import type { Incident } from './incidents.ts'
import type { KillWorld } from './kill-world.ts'
import type { Killable } from './killable.ts'
import type { Moment } from './phase-proxy.ts'
import type { Operation, Passing } from './phases.ts'
import type { Survey } from './survey.ts'

/** An incident that was, as it was. */
export interface Happened extends Incident {
  kind: Operation['kind']
  /** Milliseconds since the start, when it happened and when all was well again. */
  at: number
  over: number
}

/** Milliseconds in which a phase is met at all. */
const MET_WITHIN = 8000
/** Most milliseconds that a request is left with Chroma, and that what is dead stays dead. */
const LONGEST_DELAY = 20
const LONGEST_DEATH = 500
/** Most milliseconds that a process which was stopped goes on before it is killed. */
const LONGEST_WAKING = 100
/** Milliseconds until an API has heard that its caller has left. */
const HEARD = 20

/** Lets incidents happen one after another, and looks after each whether all is as it was acknowledged. */
export class KillCampaign {
  readonly happened: Happened[] = []
  /** Incidents whose phase was not met. */
  readonly missed: Incident[] = []
  readonly #world: KillWorld
  readonly #survey: Survey
  readonly #draw: Draw
  readonly #pauses: readonly number[]
  readonly #began = performance.now()
  #waking: Promise<void> | undefined

  /** @param pauses milliseconds for which a process is stopped: one of them is drawn */
  constructor(world: KillWorld, survey: Survey, draw: Draw, pauses: readonly number[]) {
    this.#world = world
    this.#survey = survey
    this.#draw = draw
    this.#pauses = pauses
  }

  async meet(incident: Incident): Promise<void> {
    const met = await this.#provoke(incident)
    if (met === undefined) {
      this.missed.push(incident)
      return
    }
    const { happened, hit, directed } = met
    await sleep(this.#draw.next() * LONGEST_DEATH)
    await this.#world.recover()
    // What is left is looked at before anybody writes it again; but who is stopped is to find on waking that others did.
    const other = this.#world.apis[incident.process === 1 ? 0 : 1]
    if (incident.action !== 'stop API') await this.#survey.readAllBy(other, hit)
    await this.#survey.rewriteBy(other, this.#draw.of(hit))
    await this.#waking
    // Who was killed on waking is waited for by what it was directed to do next.
    await this.#world.recover()
    await directed
    await this.#survey.readAll(hit)
    happened.over = performance.now() - this.#began
  }

  /** Does what has the phase in it until the incident happens. @returns undefined when it does not */
  async #provoke(incident: Incident) {
    const { phase, moment, process } = incident
    const sprung = Promise.withResolvers<{ happened: Happened; hit: CreatorPlan[] }>()
    const spring = async (passing: Passing, moment: Moment) => {
      const { kind, creators } = passing.operation
      const at = performance.now() - this.#began
      const happened = { ...incident, moment, kind, at, over: Number.NaN }
      this.happened.push(happened)
      await this.#act(incident, passing)
      const hit = CREATORS.filter(({ creator }) => creators.includes(creator))
      sprung.resolve({ happened, hit })
    }
    // Mostly short: a small request takes Chroma two milliseconds.
    const delay = this.#draw.next() ** 3 * LONGEST_DELAY
    const proxy = this.#world.proxyOf(process)
    proxy.trap = { phase, moment, delay, spring }
    const until = performance.now() + MET_WITHIN
    let directed = Promise.resolve()
    while (proxy.trap !== undefined && performance.now() < until) {
      directed = passThrough(incident, this.#world, this.#draw)
      await Promise.race([sprung.promise, directed])
    }
    if (proxy.trap === undefined) return { ...(await sprung.promise), directed }
    proxy.trap = undefined
    return undefined
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
}
