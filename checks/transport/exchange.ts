import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import { proxyFor } from '../../infra/egress/proxy-for.ts'
import { seconds } from '../../infra/units.ts'
import type { CallLimit } from './call-limit.ts'

export type Fetch = typeof globalThis.fetch

const CONNECT_DEADLINE = seconds(5)

export interface Outgoing {
  method: 'GET' | 'POST' | 'DELETE'
  headers: Readonly<Record<string, string>>
  body?: string
  limit: CallLimit
}

/**
 * One request to a path of a server, and its whole answer. What happens to the connection is a TypeError with a cause,
 * as fetch has it.
 */
export type Exchange = (path: string, init: Outgoing) => Promise<{ status: number; text: string }>

/**
 * A pool of connections to one server, through the proxy that the environment has for it: never for loopback. The
 * deadline of a call bounds it, so its own limits on headers and bodies are off: a chat on a slow machine may take
 * longer than they allow.
 */
export function poolOf(url: string, connections: number): Dispatcher {
  const limits = {
    connections,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_DEADLINE },
  }
  const proxy = proxyFor(url)
  return proxy === undefined
    ? new Pool(new URL(url).origin, limits)
    : new ProxyAgent({ ...limits, uri: proxy })
}

/**
 * From the pool's own interface: what fetch puts on top of it takes about a millisecond more, what `request` does a
 * tenth of a small answer's time, most of it a stream for the body (measured, undici 7.30).
 */
export function pooled(pool: Dispatcher, url: string): Exchange {
  const { origin, pathname } = new URL(url)
  const base = pathname.replace(/\/$/, '')
  return (path, { limit, ...request }) =>
    new Promise((resolve, reject) => {
      const parts: Buffer[] = []
      let status = 0
      limit.whenOver(reject)
      pool.dispatch(
        { ...request, origin, path: base + path },
        {
          onRequestStart(controller) {
            // At once when it was given up while it waited for a connection.
            limit.whenOver(reason => controller.abort(reason as Error))
          },
          onResponseStart(_, code) {
            status = code
          },
          onResponseData(_, part) {
            parts.push(part)
          },
          onResponseEnd: () => resolve({ status, text: Buffer.concat(parts).toString() }),
          onResponseError: (_, cause) => reject(new TypeError('the connection failed', { cause })),
        },
      )
    })
}

export function through(fetch: Fetch, url: string): Exchange {
  return async (path, { limit, ...request }) => {
    const response = await fetch(url + path, { ...request, signal: limit.signal() })
    return { status: response.status, text: await response.text() }
  }
}
