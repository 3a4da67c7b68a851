import { formatBytes } from '../../../infra/units.ts'
import type { ApiCaller } from '../auth/caller.ts'
import { HttpError, RETRY_SOON } from '../errors.ts'
import type { Lane, RequestRoom } from './limits.ts'

const TOKENLESS = { part: 1 / 8, whose: 'callers without a valid token' }

/** The part of each lane that callers of a scope can take, however busy it is: a creator for itself, others together. */
const SHARES = {
  service: { part: 1, whose: 'back ends' },
  creator: { part: 1 / 4, whose: 'this creator' },
  monitor: { part: 1 / 8, whose: 'those who monitor' },
  nobody: TOKENLESS,
  refused: TOKENLESS,
} as const satisfies Record<ApiCaller['scope'], { part: number; whose: string }>

/** Who a share is for: each creator for itself, and others together. */
export const holderOf = (caller: ApiCaller): string =>
  caller.scope === 'creator' ? `the creator ${caller.creator}` : SHARES[caller.scope].whose

/** Some room, and what is held of it. */
interface Place {
  room: RequestRoom
  held: RequestRoom
  /** Says why there is no more. */
  refusal: (room: RequestRoom) => HttpError
}

/** The room of all lanes, and what of it is held. */
export class Lanes {
  readonly #lanes: Map<Lane, Place>
  /** By lane and holder, as long as anything is held. */
  readonly #shares = new Map<string, Place & { holds: number }>()

  constructor(room: Record<Lane, RequestRoom>) {
    const places = Object.entries(room).map(([lane, of]) => [lane, placeOf(of, full)] as const)
    this.#lanes = new Map(places as [Lane, Place][])
  }

  /** What is held of each lane. */
  held(): [Lane, RequestRoom][] {
    return [...this.#lanes].map(([lane, { held }]) => [lane, held])
  }

  /** A hold on nothing yet. It has to be given back. */
  hold(lane: Lane, caller: ApiCaller): Hold {
    const whole = this.#lanes.get(lane)!
    const { part, whose } = SHARES[caller.scope]
    if (part === 1) return new Hold([whole], () => {})
    const name = `${lane} of ${holderOf(caller)}`
    const share = this.#shares.get(name) ?? {
      ...placeOf(partOf(whole.room, part), tooMany(whose)),
      holds: 0,
    }
    share.holds += 1
    this.#shares.set(name, share)
    return new Hold([share, whole], () => {
      share.holds -= 1
      if (share.holds === 0) this.#shares.delete(name)
    })
  }
}

/** What one request holds of its lane. */
export class Hold {
  readonly #places: readonly Place[]
  readonly #end: () => void
  readonly #held = { requests: 0, bytes: 0 }
  #isOver = false

  constructor(places: readonly Place[], end: () => void) {
    this.#places = places
    this.#end = end
  }

  get bytes(): number {
    return this.#held.bytes
  }

  /**
   * Takes nothing.
   * @throws HttpError 429 when the share of the caller has no room for it now, 503 when the lane has none
   */
  require(requests: number, bytes: number): void {
    for (const { held, room, refusal } of this.#places) {
      const fits = held.requests + requests <= room.requests && held.bytes + bytes <= room.bytes
      if (!fits) throw refusal(room)
    }
  }

  /** @throws HttpError as `require` does, and then nothing is taken */
  take(requests: number, bytes: number): void {
    // There would be nothing any more to give it back at.
    if (this.#isOver) return
    this.require(requests, bytes)
    this.#change(requests, bytes)
  }

  giveBack(): void {
    this.#isOver = true
    this.#change(-this.#held.requests, -this.#held.bytes)
    this.#end()
  }

  #change(requests: number, bytes: number): void {
    for (const held of [this.#held, ...this.#places.map(place => place.held)]) {
      held.requests += requests
      held.bytes += bytes
    }
  }
}

const placeOf = (room: RequestRoom, refusal: Place['refusal']): Place => ({
  room,
  held: { requests: 0, bytes: 0 },
  refusal,
})

const partOf = ({ requests, bytes }: RequestRoom, part: number): RequestRoom => ({
  requests: Math.ceil(requests * part),
  bytes: Math.ceil(bytes * part),
})

const tooMany = (whose: string) => (share: RequestRoom) =>
  new HttpError(
    429,
    'too-many-requests',
    `The requests under way of ${whose} hold the share that they may have: ${describe(share)}`,
    RETRY_SOON,
  )

const full = (room: RequestRoom) =>
  new HttpError(
    503,
    'unavailable',
    `The requests of this kind that are under way hold what there is room for: ${describe(room)}`,
    RETRY_SOON,
  )

const describe = ({ requests, bytes }: RequestRoom): string =>
  `${requests} at once, with ${formatBytes(bytes)} in and out`
