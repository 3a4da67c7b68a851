import { createServer } from 'node:http'
import type { FastifyServerFactory } from 'fastify'
import { KiB, seconds } from '../../../infra/units.ts'
import { boundConnections } from './connections.ts'
import { ARRIVAL, HEADERS_ARRIVAL, KEPT_ALIVE } from './limits.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** How often the times of arrival are looked at: Node's own is so seldom that they would be twice as long. */
const LOOKED_AT = seconds(1)

/**
 * Bytes of a body that are taken in while it is not known yet whose it is: each may be a piece of its own, which costs
 * a microsecond and more, and Node takes in sixteen times as many. A body that is read is not held up by it.
 */
const BEFORE_IT_IS_READ = 4 * KiB

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
        highWaterMark: BEFORE_IT_IS_READ,
      },
      oneAtATime(handle),
    )
    boundConnections(server, proxies)
    return server
  }
