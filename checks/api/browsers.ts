import type { FastifyInstance } from 'fastify'
import { HttpError } from './errors.ts'

const SAFE = new Set(['GET', 'HEAD'])

/**
 * The API is for programs and for its own page. A browser says of a request when another site's page made it:
 * that page must not load models or write here, just because the API listens on the machine that shows it.
 */
export function guardBrowsers(api: FastifyInstance): void {
  api.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    const site = request.headers['sec-fetch-site']
    if (SAFE.has(request.method) || site === undefined) return
    if (site !== 'same-origin' && site !== 'none') {
      throw new HttpError(403, 'forbidden', 'Pages of other sites may not send this')
    }
  })
}
