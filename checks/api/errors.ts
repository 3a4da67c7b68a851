import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { QuotaExceeded } from '../store/quota/quota.ts'
import { DocumentChanged } from '../store/scope/cursor.ts'
import { StoreMismatch } from '../store/shards/shard-metadata.ts'
import { ServerError } from '../transport/server-error.ts'
import { LAST_WORDS } from './traffic/limits.ts'

const Code = z.enum([
  'invalid',
  'method-not-allowed',
  'unauthorised',
  'forbidden',
  'not-found',
  'changed',
  'too-slow',
  'too-large',
  'unsupported-media-type',
  'too-many-requests',
  'disk-full',
  'quota-exceeded',
  'internal',
  'unavailable',
])
export type ErrorCode = z.infer<typeof Code>

/** Every answer that is no success, as RFC 9457 has it: a code for programs and a sentence for people. */
export const Problem = z.object({
  type: z
    .string()
    .describe('A URI for the kind of problem: `urn:knowledge-stack:problem:` and the code'),
  title: z.string().describe('What all problems of the kind have in common'),
  status: z.int().describe('The HTTP status'),
  detail: z.string().describe('What is wrong, for people'),
  instance: z.string().describe('The request, as X-Request-Id and the log of the API name it'),
  error: z
    .object({ code: Code, message: z.string() })
    .describe('The code for programs, and the detail once more, as versions before 0.3 gave them'),
})
z.globalRegistry.add(Problem, { id: 'Problem' })
export const PROBLEM_TYPE = 'application/problem+json'

const TITLES: Record<ErrorCode, string> = {
  invalid: 'The request is wrong',
  'method-not-allowed': 'Nothing here is called by this method',
  unauthorised: 'A valid token is needed',
  forbidden: 'The token does not allow this',
  'not-found': 'There is no such thing',
  changed: 'It is another than it was',
  'too-slow': 'The request came too slowly',
  'too-large': 'The request is too large',
  'unsupported-media-type': 'The body is of another kind than this takes',
  'too-many-requests': 'This caller sent too many requests',
  'disk-full': 'There is no room on a disk',
  'quota-exceeded': 'The creator would have more than it may',
  internal: 'The API failed',
  unavailable: 'This cannot be answered now',
}

const problemOf = (
  { status, code, message }: Pick<HttpError, 'status' | 'code' | 'message'>,
  request: string,
): z.infer<typeof Problem> => {
  const detail = message.slice(0, LONGEST_MESSAGE)
  return {
    type: `urn:knowledge-stack:problem:${code}`,
    title: TITLES[code],
    status,
    detail,
    instance: `urn:uuid:${request}`,
    error: { code, message: detail },
  }
}

/** An answer that a route or a hook decided on. */
export class HttpError extends Error {
  readonly status: number
  readonly code: ErrorCode
  readonly headers: Record<string, string>

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    headers: Record<string, string> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** What the framework itself refuses, by status. */
const FRAMEWORK_CODES: Record<number, ErrorCode> = {
  404: 'not-found',
  405: 'method-not-allowed',
  408: 'too-slow',
  413: 'too-large',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
}

/** A message may quote what was sent. */
const LONGEST_MESSAGE = 500
/** Names a request in its answer, in the log and in a problem. */
export const REQUEST_ID = 'x-request-id'
export const RETRY_SOON = { 'retry-after': '1' }

/** The one place where an error becomes an answer. No stack, and nothing of what was not meant to be told. */
export function handleErrors(api: FastifyInstance): void {
  api.setErrorHandler(sendError)
  const known = new Map<string, { path: RegExp; methods: Set<string> }>()
  api.addHook('onRoute', ({ url, method }) => {
    const route = known.get(url) ?? { path: patternOf(url), methods: new Set() }
    for (const each of [method].flat()) route.methods.add(each)
    known.set(url, route)
  })
  api.setNotFoundHandler(request => {
    const path = request.url.split('?')[0]!
    const here = [...known.values()].filter(route => route.path.test(path))
    const allow = [...new Set(here.flatMap(({ methods }) => [...methods]))].sort().join(', ')
    if (allow === '') {
      throw new HttpError(
        404,
        'not-found',
        'There is nothing here; /openapi.json says what there is',
      )
    }
    const told = `${request.method} is nothing here; allowed are ${allow}`
    throw new HttpError(405, 'method-not-allowed', told, { allow })
  })
}

/** Of a route's path with its parameters: what it matches. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url.replaceAll(/[.+*?^$()[\]{}|\\]/g, String.raw`\$&`).replaceAll(/:\w+/g, '[^/]+')}$`,
  )

/** Also for what the framework refuses before it knows a route: a path that no route has. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const answer = toAnswer(error, request.caller?.scope === 'creator')
  if (answer.status >= 500 && answer !== error) request.log.error({ err: error }, 'request failed')
  reply
    .code(answer.status)
    .headers({ ...answer.headers, [REQUEST_ID]: request.id })
    .type(`${PROBLEM_TYPE}; charset=utf-8`)
    .send(problemOf(answer, request.id))
}

/** For what is no HTTP at all, or took too long to become it: then there is neither request nor reply. */
export function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error)
  const [line, code, message] = CONNECTION_REFUSALS[error.code ?? ''] ?? NO_HTTP
  const status = Number.parseInt(line, 10)
  const body = JSON.stringify(problemOf({ status, code, message }, randomUUID()))
  // Whoever does not close it as well would hold it for as long as it likes.
  setTimeout(() => socket.destroy(), LAST_WORDS).unref()
  socket.end(
    `HTTP/1.1 ${line}\r\nContent-Type: ${PROBLEM_TYPE}; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

const NO_HTTP = ['400 Bad Request', 'invalid', 'This is no HTTP request'] as const
const CONNECTION_REFUSALS: Record<string, readonly [string, ErrorCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'too-slow',
    'The request took too long to arrive',
  ],
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'too-large',
    'The headers are too large',
  ],
}

/** @param outsider whether the caller is a creator, whom the names of our servers are no matter of */
export function toAnswer(error: unknown, outsider: boolean): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof Failure) return fromFailure(error, outsider)
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new HttpError(503, 'unavailable', 'This took too long', RETRY_SOON)
  }
  const refusal = fromFramework(error as Partial<FastifyError>)
  if (refusal !== undefined) return refusal
  return new HttpError(500, 'internal', 'Something is wrong in this API; its log says what')
}

/** A caller is at fault in what is `misused`, and only in that; how this API is deployed is our fault. */
function fromFailure(failure: Failure, outsider: boolean): HttpError {
  if (failure instanceof ServerError && failure.reason === 'full') {
    // What is stored can be read all the same.
    const message = outsider
      ? 'The disk of a server behind this API is full: nothing can be stored now'
      : failure.message
    return new HttpError(507, 'disk-full', message, RETRY_SOON)
  }
  if (failure instanceof QuotaExceeded) {
    return new HttpError(507, 'quota-exceeded', failure.message)
  }
  if (failure instanceof DocumentChanged) {
    return new HttpError(409, 'changed', failure.message)
  }
  if (failure.kind !== 'misused' || isDeployedWrongly(failure)) {
    const message = outsider ? 'A server behind this API cannot answer now' : failure.message
    return new HttpError(503, 'unavailable', message, RETRY_SOON)
  }
  const message =
    outsider && failure instanceof ServerError
      ? 'A server behind this API refuses this: a text may be longer than the model takes, or a filter say too much'
      : failure.message
  return new HttpError(400, 'invalid', message)
}

/** The store was made for another deployment, or a server takes another token. */
const isDeployedWrongly = (failure: Failure): boolean =>
  failure instanceof StoreMismatch ||
  (failure instanceof ServerError && failure.reason === 'denied')

/** What the framework refuses before a route sees it. Of a path it would say the whole path. */
function fromFramework({ statusCode, code, message = '' }: Partial<FastifyError>) {
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH') {
    return new HttpError(400, 'invalid', 'The path is no URL, or a part of it is too long')
  }
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined
  return new HttpError(statusCode, FRAMEWORK_CODES[statusCode] ?? 'invalid', message)
}
