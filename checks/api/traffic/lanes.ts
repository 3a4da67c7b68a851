import { formatBytes } from '../../../infra/units.ts'
import type { ApiCaller } from '../auth/caller.ts'
import { HttpError, RETRY_SOON } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
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

type Gauges = Pick<Metrics, 'underWay' | 'bytesUnderWay'>

/** The room of all lanes, and what of it is held. */
export class Lanes {
  readonly #room: Record<Lane, RequestRoom>
  readonly #metrics: Gauges
  /** By lane, and by lane and whose share it is. */
  readonly #held = new Map<string, RequestRoom>()

  constructor(room: Record<Lane, RequestRoom>, metrics: Gauges) {
    this.#room = room
    this.#metrics = metrics
  }

  /** @throws HttpError 429 when it is over the share of the caller, 503 when it is more than there is room for */
  require(lane: Lane, caller: ApiCaller, wanted: RequestRoom): void {
    const place = placeOf(lane, caller)
    const share = shareOf(this.#room[lane], SHARES[caller.scope].part)
    if (place !== lane && !fits(this.#at(place), wanted, share)) throw tooMany(caller, share)
    if (!fits(this.#at(lane), wanted, this.#room[lane])) throw full(this.#room[lane])
  }

  /** @param sign 1 takes, -1 gives back */
  change(lane: Lane, caller: ApiCaller, room: RequestRoom, sign: 1 | -1): void {
    const places = new Set([lane, placeOf(lane, caller)])
    for (const place of places) {
      const held = this.#at(place)
      const requests = held.requests + sign * room.requests
      const bytes = held.bytes + sign * room.bytes
      if (requests === 0 && bytes === 0) this.#held.delete(place)
      else this.#held.set(place, { requests, bytes })
    }
    const held = this.#at(lane)
    this.#metrics.underWay.set({ lane }, held.requests)
    this.#metrics.bytesUnderWay.set({ lane }, held.bytes)
  }

  #at(place: string): RequestRoom {
    return this.#held.get(place) ?? { requests: 0, bytes: 0 }
  }
}

/** What one request holds of its lane. */
export class Hold {
  readonly #lanes: Lanes
  readonly #lane: Lane
  readonly #caller: ApiCaller
  readonly #held: RequestRoom = { requests: 0, bytes: 0 }
  #isOver = false

  constructor(lanes: Lanes, lane: Lane, caller: ApiCaller) {
    this.#lanes = lanes
    this.#lane = lane
    this.#caller = caller
  }

  get bytes(): number {
    return this.#held.bytes
  }

  /** Takes nothing. @throws HttpError when there is no room for it now */
  require(wanted: RequestRoom): void {
    this.#lanes.require(this.#lane, this.#caller, wanted)
  }

  /** @throws HttpError when there is no room for it */
  take(wanted: RequestRoom): void {
    // Who is gone holds nothing, and there would be nothing to give it back at.
    if (this.#isOver) return
    this.require(wanted)
    this.#held.requests += wanted.requests
    this.#held.bytes += wanted.bytes
    this.#lanes.change(this.#lane, this.#caller, wanted, 1)
  }

  giveBack(): void {
    this.#isOver = true
    this.#lanes.change(this.#lane, this.#caller, this.#held, -1)
  }
}

const fits = (held: RequestRoom, wanted: RequestRoom, room: RequestRoom): boolean =>
  held.requests + wanted.requests <= room.requests && held.bytes + wanted.bytes <= room.bytes

const shareOf = ({ requests, bytes }: RequestRoom, share: number): RequestRoom => ({
  requests: Math.ceil(requests * share),
  bytes: Math.ceil(bytes * share),
})

function placeOf(lane: Lane, caller: ApiCaller): string {
  const { part, whose } = SHARES[caller.scope]
  if (part === 1) return lane
  return `${lane} of ${caller.scope === 'creator' ? `the creator ${caller.creator}` : whose}`
}

const tooMany = ({ scope }: ApiCaller, share: RequestRoom) =>
  new HttpError(
    429,
    'too-many-requests',
    `The requests under way of ${SHARES[scope].whose} hold the share that they may have: ${describe(share)}`,
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
