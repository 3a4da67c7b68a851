import type { FastifyInstance } from 'fastify'
import type { Gauge } from 'prom-client'
import { HttpError } from './errors.ts'
import type { Lane } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request of this route counts as; one without a lane costs next to nothing. */
    lane?: Lane
  }
}

/**
 * Takes no more requests at once than the lane of a route has room for. The others are told so at once, before
 * their body is read: a queue would only let them wait for an answer that comes too late.
 */
export function admit(
  api: FastifyInstance,
  room: Record<Lane, number>,
  underWay: Gauge<'lane'>,
): void {
  const taken: Record<Lane, number> = { write: 0, read: 0, model: 0, reload: 0 }
  const change = (lane: Lane, by: number) => {
    taken[lane] += by
    underWay.set({ lane }, taken[lane])
  }
  api.addHook('onRequest', async (request, reply) => {
    const { lane } = request.routeOptions.config
    if (lane === undefined) return
    if (taken[lane] >= room[lane]) {
      throw new HttpError(
        503,
        'unavailable',
        `${room[lane]} requests of this kind are under way, and there is no room for more`,
        { 'retry-after': '1' },
      )
    }
    change(lane, 1)
    // Also when the caller goes away before there is an answer.
    reply.raw.once('close', () => change(lane, -1))
  })
}
