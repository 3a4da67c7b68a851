import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isReserved } from '../../store/creator-id.ts'
import { HttpError } from '../errors.ts'
import { type Grant, readToken, TokenRefused } from './api-token.ts'
import type { KeyRing } from './key-ring.ts'

/** Who sent a request, by its token: known before anything else is done for it, judged by its route. */
export type ApiCaller = Grant | { scope: 'nobody' } | { scope: 'refused'; why: string }

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
    return await readToken(await keys(), token, now)
  } catch (error) {
    if (error instanceof TokenRefused) return { scope: 'refused', why: error.message }
    throw error
  }
}

/**
 * Lets pass who may act for the creator that the path names. Creators are compared as they are: no form of an
 * id but the very same is the same creator. Nothing is looked up before this.
 * @throws HttpError 401 without a valid token, 403 with another creator's, and for reserved creators
 */
export async function requireCreator(request: FastifyRequest): Promise<void> {
  const { creator } = request.params as { creator: string }
  const caller = authenticated(request.caller)
  const mayAct =
    caller.scope === 'service' || (caller.scope === 'creator' && caller.creator === creator)
  if (!mayAct || isReserved(creator)) {
    throw new HttpError(403, 'forbidden', 'This token does not speak for this creator')
  }
}

/** @throws HttpError 401 without a valid token, 403 with a creator's */
export async function requireService(request: FastifyRequest): Promise<void> {
  if (authenticated(request.caller).scope === 'service') return
  throw new HttpError(403, 'forbidden', 'This takes a token of the scope service')
}

function authenticated(caller: ApiCaller): Grant {
  if (caller.scope === 'nobody') {
    throw unauthorised('This takes a token: Authorization: Bearer …', 'Bearer')
  }
  if (caller.scope === 'refused') {
    throw unauthorised(`The token is refused: ${caller.why}`, 'Bearer error="invalid_token"')
  }
  return caller
}

const unauthorised = (message: string, challenge: string) =>
  new HttpError(401, 'unauthorised', message, { 'www-authenticate': challenge })
