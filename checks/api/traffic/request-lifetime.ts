import type { FastifyInstance } from 'fastify'
import { formatDuration, type Millis } from '../../../infra/units.ts'
import { raceAbort } from '../../transport/race-abort.ts'
import { HttpError } from '../errors.ts'
import { WORK } from './limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Time for the work on a request of this route, and for its caller to take the answer. */
    work?: Millis
  }
  interface FastifyRequest {
    /**
     * Aborted when the time is up, the caller is gone or the API stops. (Fastify's own `signal` is aborted as soon
     * as a body has been read: to Node the request is closed then.)
     */
    life: AbortSignal
    /** What the route does about it, once it does: may go on for a while after the end of its life. */
    work?: Promise<unknown>
  }
}

/**
 * Bounds the life of every request: when it is over the caller is told so, whatever the work on it waits for.
 * @returns what ends all that are under way
 */
export function boundLives(api: FastifyInstance): () => void {
  const lives = new Set<AbortController>()
  api.decorateRequest('life')
  api.decorateRequest('work')
  api.addHook('onRoute', route => {
    const { handler } = route
    route.handler = async function (request, reply) {
      request.work = (async () => handler.call(this, request, reply))()
      return raceAbort(request.work, request.life)
    }
  })
  api.addHook('onRequest', async (request, reply) => {
    const life = new AbortController()
    const work = request.routeOptions.config.work ?? WORK
    const timer = setTimeout(() => {
      life.abort(late(work))
      // Nothing is left but an answer that its caller does not take.
      if (reply.raw.headersSent) reply.raw.destroy()
    }, work)
    lives.add(life)
    reply.raw.once('close', () => {
      clearTimeout(timer)
      lives.delete(life)
      if (!reply.raw.writableFinished) life.abort(gone)
    })
    request.life = life.signal
  })
  return () => {
    for (const life of lives) life.abort(stopping)
  }
}

const late = (work: Millis) =>
  new HttpError(503, 'unavailable', `This took longer than ${formatDuration(work)}`)
const stopping = new HttpError(503, 'unavailable', 'This API is stopping')
/** Nobody reads it. */
const gone = new HttpError(503, 'unavailable', 'The caller is gone')
