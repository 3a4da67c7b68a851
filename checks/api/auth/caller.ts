import type { FastifyInstance, FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import { readToken, TokenRefused } from './api-token.ts'
import type { Grant } from './grant.ts'
import type { KeyRing } from './key-ring.ts'

/** Whom a token speaks for, and when it was made, in Unix seconds. */
type TokenHolder = Grant & { madeAt: number }

/** Who sent a request, by its token: known before anything else is done for it, judged by its route. */
export type ApiCaller = TokenHolder | { scope: 'nobody' } | { scope: 'refused'; why: string }

declare module 'fastify' {
  interface FastifyRequest {
    caller: ApiCaller
  }
}

const NOBODY: ApiCaller = { scope: 'nobody' }

/** Has each request know its caller. Without keys everybody is nobody. */
export function identifyCallers(
  api: FastifyInstance,
  keys: KeyRing | undefined,
  now: () => number,
): void {
  api.decorateRequest('caller')
  api.addHook('onRequest', async request => {
    request.caller = keys === undefined ? NOBODY : await identify(request, keys, now())
  })
}

async function identify(request: FastifyRequest, keys: KeyRing, now: number): Promise<ApiCaller> {
  const { authorization } = request.headers
  if (authorization === undefined) return NOBODY
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
  if (token === undefined) return { scope: 'refused', why: 'the header is no bearer token' }
  try {
    const grant = await readToken(await keys(), token, now)
    return { ...grant, madeAt: decodeJwt(token).iat! }
  } catch (error) {
    if (error instanceof TokenRefused) return { scope: 'refused', why: error.message }
    throw error
  }
}
