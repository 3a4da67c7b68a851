import type { FastifyInstance } from 'fastify'
import type { Gauge } from 'prom-client'
import type { Caller } from './auth/caller.ts'
import { HttpError } from './errors.ts'
import type { Lane } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request of this route counts as; one without a lane costs next to nothing. */
    lane?: Lane
  }
}

/** The part of a lane that one creator can take: however busy it is, there is room for others. */
const SHARE = 1 / 4
const RETRY_SOON = { 'retry-after': '1' }

/**
 * Takes no more requests at once than the lane of a route has room for. The others are told so at once, before
 * their body is read: a queue would only let them wait for an answer that comes too late.
 */
export function admit(
  api: FastifyInstance,
  room: Record<Lane, number>,
  underWay: Gauge<'lane'>,
): void {
  /** By lane, and by lane and creator. */
  const taken = new Map<string, number>()
  const countOf = (place: string) => taken.get(place) ?? 0
  const change = (place: string, by: number) => {
    const count = countOf(place) + by
    if (count === 0) taken.delete(place)
    else taken.set(place, count)
  }
  api.addHook('preParsing', async (request, reply) => {
    const { lane } = request.routeOptions.config
    if (lane === undefined) return
    const own = placeOf(lane, request.caller)
    const share = Math.ceil(room[lane] * SHARE)
    if (own !== undefined && countOf(own) >= share) throw tooMany(share)
    if (countOf(lane) >= room[lane]) throw full(room[lane])
    const places = own === undefined ? [lane] : [lane, own]
    const changeAll = (by: number) => {
      for (const place of places) change(place, by)
      underWay.set({ lane }, countOf(lane))
    }
    changeAll(1)
    // Also when the caller goes away before there is an answer.
    reply.raw.once('close', () => changeAll(-1))
  })
}

const placeOf = (lane: Lane, caller: Caller): string | undefined =>
  caller.scope === 'creator' ? `${lane} of ${caller.creator}` : undefined

const tooMany = (share: number) =>
  new HttpError(
    429,
    'too-many-requests',
    `${share} requests of this creator are under way, which are as many as one may have`,
    RETRY_SOON,
  )

const full = (room: number) =>
  new HttpError(
    503,
    'unavailable',
    `${room} requests of this kind are under way, and there is no room for more`,
    RETRY_SOON,
  )
