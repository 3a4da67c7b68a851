import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../metrics.ts'
import { announcesBody } from './announced-body.ts'
import { type Hold, Lanes } from './lanes.ts'
import type { Lane, RequestRoom } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request of this route counts as; one without a lane costs next to nothing. */
    lane?: Lane
  }
  interface FastifyRequest {
    /** Of a route with a lane, once it is let in. */
    hold?: Hold
  }
}

/**
 * Takes no more requests at once than the lane of a route has room for, nor more bytes. The others are told so at once:
 * a queue would only let them wait for an answer that comes too late. A request that brings a body holds what has come
 * of it, and its place only when all of it has (json-body.ts), so that nothing is held by what is merely announced.
 * What a request holds is given back when its answer is out, or its caller gone, and the work on it is over.
 */
export function admit(
  api: FastifyInstance,
  room: Record<Lane, RequestRoom>,
  metrics: Metrics,
): void {
  const lanes = new Lanes(room)
  metrics.watch(() => lanes.held())
  api.decorateRequest('hold')
  api.addHook('preParsing', async (request, { raw }) => {
    const { lane } = request.routeOptions.config
    // Who is gone holds nothing, and there would be nothing to give it back at.
    if (lane === undefined || raw.destroyed) return
    const hold = lanes.hold(lane, request.caller)
    raw.once('close', () => Promise.allSettled([request.work]).then(() => hold.giveBack()))
    if (announcesBody(request)) hold.require(1, 0)
    else hold.take(1, 0)
    request.hold = hold
  })
  api.addHook('onSend', async ({ hold }, reply, payload) => {
    // A refusal is small, and must not be refused itself.
    if (hold === undefined || reply.statusCode >= 400 || typeof payload !== 'string') return
    // In the place of the body, which is done with: a write that was let in is never told that there is no room.
    const bytes = Buffer.byteLength(payload) - hold.bytes
    if (bytes > 0) hold.take(0, bytes)
  })
}
