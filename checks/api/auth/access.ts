import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { isReserved } from '../../store/creator-id.ts'
import { HttpError } from '../errors.ts'
import { isLoopback } from '../traffic/hosts.ts'
import type { ApiCaller } from './caller.ts'
import type { VoidUntil } from './forgotten-tokens.ts'
import type { Grant } from './grant.ts'

/** Whose token a route asks for. A service's is taken wherever one is asked for. */
export type Access = 'anyone' | 'monitor' | 'service' | 'creator'

/** What a route wants of its callers. */
export interface RouteAccess {
  access: Access
  /** Whether programs of the machine itself need no token, and when; never where absent. */
  openOnLoopback?: 'always' | 'without keys' | undefined
}

declare module 'fastify' {
  // Each route says it: one that does not is refused when it is added.
  interface FastifyContextConfig extends Partial<RouteAccess> {}
  interface FastifyRequest {
    /** Whether its caller may see what `monitor` may: how many records there are, where servers are, what is wrong. */
    mayMonitor: boolean
  }
  interface FastifyInstance {
    /** What those routes want that a library adds, which cannot say it themselves. */
    accessOfAll?: Access
    /** Every route of ours with what it wants, in the order in which they were added; docs/api.md is made from it. */
    routeAccess: readonly DescribedRoute[]
  }
}

export interface DescribedRoute extends RouteAccess {
  method: string
  url: string
  summary: string
}

/** How an API is reached, and whether it can tell tokens at all. */
export interface Listener {
  /** Whether nobody but programs of its machine reaches it. */
  onLoopback: boolean
  hasKeys: boolean
}

const MONITORING: RouteAccess = { access: 'monitor', openOnLoopback: 'always' }

/**
 * Lets a request pass by what its route says of itself, before there is room made, a body read or anything looked up.
 * The one place where that is decided: the OpenAPI document's word on tokens is put in here too.
 * @throws Error at start, for a route that does not say what it wants
 */
export function guardRoutes(
  api: FastifyInstance,
  listener: Listener,
  voidUntil: VoidUntil = async () => undefined,
): void {
  const routes: DescribedRoute[] = []
  api.decorate('routeAccess', routes)
  api.decorateRequest('mayMonitor', false)
  api.addHook('onRoute', function (route) {
    if (this.accessOfAll !== undefined) {
      route.config = { ...route.config, access: this.accessOfAll }
      return
    }
    const wanted = accessOf(route)
    if (route.method === 'HEAD') return
    const { schema = {}, method, url } = route
    routes.push({ ...wanted, method: String(method), url, summary: schema.summary ?? '' })
    route.schema = { ...schema, ...securityOf(wanted, listener) }
  })
  api.addHook('onRequest', async request => {
    if (request.is404) return
    const isNear = listener.onLoopback && !isThroughProxy(request)
    request.mayMonitor = refusalOf(request, MONITORING, isNear, listener) === undefined
    const wanted = request.routeOptions.config as RouteAccess
    const refusal = refusalOf(request, wanted, isNear, listener)
    if (refusal !== undefined) throw refusal
    // Last, since it is Chroma that knows it.
    if (wanted.access === 'creator') await requireRemembered(request.caller, voidUntil)
  })
}

function accessOf({ config, method, url }: RouteOptions): RouteAccess {
  const { access, openOnLoopback } = config ?? {}
  if (access !== undefined) return { access, openOnLoopback }
  throw new Error(`The route ${method} ${url} does not say whose token it wants (config.access)`)
}

/** For programs that read the document: any of the named scopes will do. */
function securityOf(wanted: RouteAccess, { onLoopback, hasKeys }: Listener) {
  if (wanted.access === 'anyone' || (onLoopback && isOpen(wanted, hasKeys))) return {}
  return { security: takenFor(wanted.access).map(scope => ({ bearer: [scope] })) }
}

/** The scopes of the tokens that an access takes. */
export const takenFor = (access: Exclude<Access, 'anyone'>): Grant['scope'][] =>
  access === 'service' ? ['service'] : [access, 'service']

const isOpen = ({ openOnLoopback }: RouteAccess, hasKeys: boolean): boolean =>
  openOnLoopback === 'always' || (openOnLoopback === 'without keys' && !hasKeys)

/**
 * A proxy on this machine brings in who is beyond it. Most say so in a header; the others are told of by the settings
 * apiHosts and apiProxies, and then nothing counts as near.
 */
const isThroughProxy = ({ headers, hostname }: FastifyRequest): boolean =>
  !isLoopback(hostname) || Object.keys(headers).some(name => PROXY_HEADER.test(name))
const PROXY_HEADER = /^(forwarded|via|x-real-ip|x-forwarded-.*)$/

/**
 * Why a request may not pass. Who sends a token is judged by it, near or not: what a program of this machine passes on
 * for a creator is that creator's request.
 */
function refusalOf(
  request: FastifyRequest,
  wanted: RouteAccess,
  isNear: boolean,
  { hasKeys }: Listener,
): HttpError | undefined {
  const { access } = wanted
  const { caller } = request
  if (access === 'anyone') return undefined
  if (caller.scope === 'nobody') {
    return isNear && isOpen(wanted, hasKeys) ? undefined : lacking(access, hasKeys)
  }
  if (caller.scope === 'refused') {
    return refused(caller.why)
  }
  if (access === 'creator') return refusalForCreator(request, caller)
  if (takenFor(access).includes(caller.scope)) return undefined
  return forbidden(`This takes a token of the scope ${takenFor(access).join(' or ')}`)
}

/** Of whose tokens those are void that were made before it was forgotten. */
async function requireRemembered(caller: ApiCaller, voidUntil: VoidUntil): Promise<void> {
  if (caller.scope !== 'creator') return
  const until = await voidUntil(caller.creator)
  if (until === undefined || caller.madeAt > until) return
  throw refused('its creator was forgotten after it had been made')
}

/** Creators are compared as they are: no form of an id but the very same is the same creator. */
function refusalForCreator({ params }: FastifyRequest, caller: ApiCaller): HttpError | undefined {
  const { creator } = params as { creator: string }
  const mayAct =
    caller.scope === 'service' || (caller.scope === 'creator' && caller.creator === creator)
  return mayAct && !isReserved(creator)
    ? undefined
    : forbidden('This token does not speak for this creator')
}

function lacking(access: Exclude<Access, 'anyone'>, hasKeys: boolean): HttpError {
  const how =
    access === 'creator'
      ? ''
      : ` of the scope ${takenFor(access).join(' or ')}, which npm run -s token -- --${access} makes`
  const none = hasKeys ? '' : '; this API has no keys, so that it takes none (KNOWLEDGE_API_KEYS)'
  return unauthorised(`This takes a token${how}: Authorization: Bearer …${none}`, 'Bearer')
}

const refused = (why: string): HttpError =>
  unauthorised(`The token is refused: ${why}`, 'Bearer error="invalid_token"')
const forbidden = (message: string) => new HttpError(403, 'forbidden', message)
const unauthorised = (message: string, challenge: string) =>
  new HttpError(401, 'unauthorised', message, { 'www-authenticate': challenge })
