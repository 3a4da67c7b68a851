import { randomUUID } from 'node:crypto'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Millis, seconds } from '../../infra/units.ts'
import type { ConnectedDeployment } from '../connected-deployment.ts'
import { guardRoutes } from './auth/access.ts'
import { identifyCallers } from './auth/caller.ts'
import { forgottenTokens } from './auth/forgotten-tokens.ts'
import type { KeyRing } from './auth/key-ring.ts'
import { HttpError, handleErrors, REQUEST_ID, refuseConnection, sendError } from './errors.ts'
import { type LogLevel, loggerOptions, RequestLog } from './log.ts'
import { Metrics } from './metrics.ts'
import { documentRoutes } from './openapi.ts'
import { chromadb } from './routes/chromadb-routes.ts'
import { creators } from './routes/creator-routes.ts'
import { docs } from './routes/docs-route.ts'
import { modelRoutes } from './routes/model-routes.ts'
import { ollama } from './routes/ollama-routes.ts'
import { page } from './routes/page-route.ts'
import { probes } from './routes/probe-routes.ts'
import { stackRoute } from './routes/stack-route.ts'
import { standardOutput } from './standard-output.ts'
import { admit } from './traffic/admission.ts'
import { closeAfterEarlyAnswers, refuseNeedlessBodies } from './traffic/announced-body.ts'
import { guardBrowsers } from './traffic/browsers.ts'
import { acceptEmptyBodies } from './traffic/empty-body.ts'
import { guardHosts } from './traffic/hosts.ts'
import { httpServer } from './traffic/http-server.ts'
import { takeJsonBodies } from './traffic/json-body.ts'
import { type Limits, SMALL_BODY } from './traffic/limits.ts'
import { boundLives } from './traffic/request-lifetime.ts'

/** What the API works with. */
export interface ServerParts {
  deployment: ConnectedDeployment
  /** The same servers over connections of its own, so that health is seen past whatever is queued. */
  probe: ConnectedDeployment
  /** Absent: then no token counts. */
  keys: KeyRing | undefined
  limits: Limits
  /** What it listens on, and the names it is called by besides. */
  host: string
  hosts: readonly string[]
  /** Whose word on where a request came from is believed. */
  proxies: readonly string[]
  /** Whether nobody but programs of this machine reaches it. */
  onLoopback: boolean
  logLevel: LogLevel
  logStream?: NodeJS.WritableStream | undefined
  now: () => number
}

/** Whoever reads metrics does not wait for a Chroma that does not answer. */
const BACKUP_READ: Millis = seconds(2)
/** Longer than any id is, percent-encoded; ids themselves are checked where they are used. */
const LONGEST_PARAMETER = 2048

/**
 * The API, not listening yet. Every request is asked the same questions in the same order: who asks, is it their turn,
 * may they (auth/access.ts), is there room, and only then what they want.
 * @returns the server, and what ends the requests that are under way
 */
export async function buildServer(parts: ServerParts): Promise<[FastifyInstance, () => void]> {
  const api = Fastify({
    logger: { ...loggerOptions(parts.logLevel), stream: parts.logStream ?? standardOutput() },
    logController: new RequestLog(),
    genReqId: () => randomUUID(),
    bodyLimit: SMALL_BODY,
    serverFactory: httpServer(parts.proxies),
    trustProxy: [...parts.proxies],
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: sendError,
    clientErrorHandler: refuseConnection,
  })
  const metrics = new Metrics(parts.now)

  handleErrors(api)
  api.addHook('onRequest', async ({ id }, reply) => void reply.header(REQUEST_ID, id))
  guardHosts(api, parts.host, parts.hosts)
  guardBrowsers(api)
  acceptEmptyBodies(api)
  const endAll = boundLives(api)
  identifyCallers(api, parts.keys, parts.now)
  await limitRates(api, parts.limits)
  const voidUntil = forgottenTokens(parts.probe.knowledge().forgotten)
  guardRoutes(api, { onLoopback: parts.onLoopback, hasKeys: parts.keys !== undefined }, voidUntil)
  refuseNeedlessBodies(api)
  admit(api, parts.limits.lanes, metrics)
  takeJsonBodies(api)
  closeAfterEarlyAnswers(api)

  await documentRoutes(api)
  const { backups } = parts.probe.knowledge()
  metrics.watchBackups(async () => {
    const last = await backups.last(AbortSignal.timeout(BACKUP_READ))
    return last && new Date(last.created)
  })
  metrics.serve(api)
  await addRoutes(api, parts, metrics)
  return [api, endAll]
}

async function addRoutes(
  api: FastifyInstance,
  { deployment, probe, now }: ServerParts,
  { durations }: Metrics,
) {
  const knowledge = deployment.knowledge()
  await api.register(page)
  await api.register(docs)
  await api.register(probes, { probe })
  await api.register(stackRoute, { prefix: '/api/v1/ai', probe, durations, now })
  await api.register(chromadb, { prefix: '/api/v1/ai/chromadb', probe })
  await api.register(ollama, { prefix: '/api/v1/ai/ollama', deployment, probe })
  await api.register(modelRoutes, { prefix: '/api/v1/ai/models', deployment, probe })
  await api.register(creators, { prefix: '/api/v1/creators/:creator', knowledge, now })
}

/** Of one creator, or of an address without a token; back ends act for many creators. */
const BACK_ENDS = 10

/** Counts a creator by its token, the back ends together, and everybody else by address. */
async function limitRates(api: FastifyInstance, { requestsPerMinute }: Limits): Promise<void> {
  await api.register(rateLimit, {
    global: false,
    max: ({ caller }) => (caller.scope === 'service' ? BACK_ENDS : 1) * requestsPerMinute,
    timeWindow: '1 minute',
    keyGenerator: ({ caller, ip }) =>
      caller.scope === 'creator'
        ? `creator ${caller.creator}`
        : caller.scope === 'service'
          ? 'service'
          : `address ${normalizeIP(ip)}`,
    errorResponseBuilder: (_request, { after }) =>
      new HttpError(429, 'too-many-requests', `Too many requests; go on in ${after}`),
  })
  const limit = api.rateLimit()
  // For all routes at once, and before it is asked who may: those who are refused are counted too.
  api.addHook('onRequest', async function (request, reply) {
    if (request.routeOptions.config?.rateLimit !== false) await limit.call(this, request, reply)
  })
}
