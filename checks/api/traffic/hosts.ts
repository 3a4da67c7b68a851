import type { FastifyInstance } from 'fastify'
import { HttpError } from '../errors.ts'

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[?::1\]?|localhost)$/i

/** @param host a name or an address, without a port */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host)

/**
 * A page of any site can have its own name lead to this machine (DNS rebinding), and to the browser the API is then a
 * part of that site. So an API on loopback answers to its own names only. One that listens to others has names that
 * it cannot know, and answers to all until it is told them.
 * @param host what it listens on
 * @param names further names that it is called by, without a port
 */
export function guardHosts(api: FastifyInstance, host: string, names: readonly string[]): void {
  if (!isLoopback(host) && names.length === 0) return
  const known = new Set(names.map(name => name.toLowerCase()))
  api.addHook('onRequest', async ({ hostname }) => {
    if (isLoopback(hostname) || known.has(hostname.toLowerCase())) return
    throw new HttpError(
      403,
      'forbidden',
      'This API does not go by that name; KNOWLEDGE_API_HOSTS, or the setting apiHosts, says which it goes by',
    )
  })
}
