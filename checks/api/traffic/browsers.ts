import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpError } from '../errors.ts'

const SAFE = new Set(['GET', 'HEAD'])

/**
 * The API is for programs and for its own page. A browser says of a request when another site's page made it:
 * that page must not load models or write here, just because the API listens on the machine that shows it.
 */
export function guardBrowsers(api: FastifyInstance): void {
  api.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
    if (!SAFE.has(request.method) && isOfAnotherSite(request)) {
      throw new HttpError(403, 'forbidden', 'Pages of other sites may not send this')
    }
  })
}

/** To an address that is neither loopback nor TLS, browsers tell the origin alone. Programs tell neither. */
function isOfAnotherSite({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  if (headers.origin === undefined) return false
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== host
}
