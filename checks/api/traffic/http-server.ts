import { createServer } from 'node:http'
import type { FastifyServerFactory } from 'fastify'
import { seconds } from '../../../infra/units.ts'
import { boundConnections } from './connections.ts'
import { ARRIVAL, HEADERS_ARRIVAL, KEPT_ALIVE } from './limits.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** How often the times of arrival are looked at: Node's own is so seldom that they would be twice as long. */
const LOOKED_AT = seconds(1)

/** Node's HTTP server, with bounds on what a connection can have before anything knows whose it is. */
export const httpServer =
  (proxies: readonly string[]): FastifyServerFactory =>
  handle => {
    const server = createServer(
      {
        headersTimeout: HEADERS_ARRIVAL,
        requestTimeout: ARRIVAL,
        keepAliveTimeout: KEPT_ALIVE,
        connectionsCheckingInterval: LOOKED_AT,
      },
      oneAtATime(handle),
    )
    boundConnections(server, proxies)
    return server
  }
