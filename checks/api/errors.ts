import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { QuotaExceeded } from '../store/quota/quota.ts'
import { StoreMismatch } from '../store/shards/shard-metadata.ts'
import { ServerError } from '../transport/server-error.ts'
import { LAST_WORDS } from './traffic/limits.ts'

const Code = z.enum([
  'invalid',
  'unauthorised',
  'forbidden',
  'not-found',
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

/** Every answer that is no success: a code for programs and a sentence for people. */
export const ErrorBody = z.object({ error: z.object({ code: Code, message: z.string() }) })
z.globalRegistry.add(ErrorBody, { id: 'Error' })

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
  408: 'too-slow',
  413: 'too-large',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
}

/** A message may quote what was sent. */
const LONGEST_MESSAGE = 500
export const RETRY_SOON = { 'retry-after': '1' }

/** The one place where an error becomes an answer. No stack, and nothing of what was not meant to be told. */
export function handleErrors(api: FastifyInstance): void {
  api.setErrorHandler(sendError)
  api.setNotFoundHandler(() => {
    throw new HttpError(404, 'not-found', 'There is nothing here; /openapi.json says what there is')
  })
}

/** Also for what the framework refuses before it knows a route: a path that no route has. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const answer = toAnswer(error, request.caller?.scope === 'creator')
  if (answer.status >= 500 && answer !== error) request.log.error({ err: error }, 'request failed')
  reply
    .code(answer.status)
    .headers(answer.headers)
    .type('application/json; charset=utf-8')
    .send({ error: { code: answer.code, message: answer.message.slice(0, LONGEST_MESSAGE) } })
}

/** For what is no HTTP at all, or took too long to become it: then there is neither request nor reply. */
export function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error)
  const [status, code, message] = CONNECTION_REFUSALS[error.code ?? ''] ?? NO_HTTP
  const body = JSON.stringify({ error: { code, message } })
  // Whoever does not close it as well would hold it for as long as it likes.
  setTimeout(() => socket.destroy(), LAST_WORDS).unref()
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
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
