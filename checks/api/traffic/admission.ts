import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Gauge } from 'prom-client'
import { formatBytes } from '../../../infra/units.ts'
import type { ApiCaller } from '../auth/caller.ts'
import { HttpError, RETRY_SOON } from '../errors.ts'
import type { Lane, RequestRoom } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request of this route counts as; one without a lane costs next to nothing. */
    lane?: Lane
  }
}

/** The part of a lane that one creator can take: however busy it is, there is room for others. */
const SHARE = 1 / 4

/**
 * Takes no more requests at once than the lane of a route has room for, nor more bytes. The others are told so at once,
 * before their body is read: a queue would only let them wait for an answer that comes too late. What a request holds
 * is given back when its answer is out, or its caller gone, and the work on it is over.
 */
export function admit(
  api: FastifyInstance,
  room: Record<Lane, RequestRoom>,
  underWay: Gauge<'lane'>,
): void {
  /** By lane, and by lane and creator. */
  const taken = new Map<string, RequestRoom>()
  const at = (place: string) => taken.get(place) ?? { requests: 0, bytes: 0 }
  const change = (place: string, { requests, bytes }: RequestRoom, sign: 1 | -1) => {
    const held = at(place)
    const left = { requests: held.requests + sign * requests, bytes: held.bytes + sign * bytes }
    if (left.requests === 0 && left.bytes === 0) taken.delete(place)
    else taken.set(place, left)
  }
  const take = (request: FastifyRequest, reply: FastifyReply, wanted: RequestRoom) => {
    const { lane } = request.routeOptions.config
    // Who is gone holds nothing, and there would be nothing to give it back at.
    if (lane === undefined || reply.raw.destroyed) return
    const own = placeOf(lane, request.caller)
    const share = shareOf(room[lane])
    if (own !== undefined && !fits(at(own), wanted, share)) throw tooMany(share)
    if (!fits(at(lane), wanted, room[lane])) throw full(room[lane])
    const places = own === undefined ? [lane] : [lane, own]
    const changeAll = (sign: 1 | -1) => {
      for (const place of places) change(place, wanted, sign)
      underWay.set({ lane }, at(lane).requests)
    }
    changeAll(1)
    reply.raw.once('close', () => Promise.allSettled([request.work]).then(() => changeAll(-1)))
  }
  api.addHook('preParsing', async (request, reply) => {
    take(request, reply, { requests: 1, bytes: bodyBytes(request) })
  })
  api.addHook('onSend', async (request, reply, payload) => {
    // A refusal is small, and must not be refused itself.
    if (reply.statusCode >= 400 || typeof payload !== 'string') return
    // In the place of the body, which is done with: a write that was let in is never told that there is no room.
    const bytes = Buffer.byteLength(payload) - bodyBytes(request)
    if (bytes > 0) take(request, reply, { requests: 0, bytes })
  })
}

const fits = (held: RequestRoom, wanted: RequestRoom, room: RequestRoom): boolean =>
  held.requests + wanted.requests <= room.requests && held.bytes + wanted.bytes <= room.bytes

const shareOf = ({ requests, bytes }: RequestRoom): RequestRoom => ({
  requests: Math.ceil(requests * SHARE),
  bytes: Math.ceil(bytes * SHARE),
})

/** What the body will take at most. One that does not say its length may be as long as its route takes. */
function bodyBytes({ headers, routeOptions: { bodyLimit } }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return bodyLimit
  return Math.min(Number(headers['content-length'] ?? 0), bodyLimit)
}

const placeOf = (lane: Lane, caller: ApiCaller): string | undefined =>
  caller.scope === 'creator' ? `${lane} of ${caller.creator}` : undefined

const tooMany = (share: RequestRoom) =>
  new HttpError(
    429,
    'too-many-requests',
    `The requests of this creator that are under way hold what one may have: ${describe(share)}`,
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
