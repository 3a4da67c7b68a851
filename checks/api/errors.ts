import type { FastifyError, FastifyInstance } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  isResponseSerializationError,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Failure } from '../../infra/failure.ts'
import { ServerError } from '../transport/server-error.ts'

const Code = z.enum([
  'invalid',
  'unauthorised',
  'forbidden',
  'not-found',
  'too-slow',
  'too-large',
  'unsupported-media-type',
  'too-many-requests',
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
  503: 'unavailable',
}

const RETRY_SOON = { 'retry-after': '1' }

/** The one place where an error becomes an answer. No stack, and nothing of what was not meant to be told. */
export function handleErrors(api: FastifyInstance): void {
  api.setErrorHandler((error, request, reply) => {
    const answer = toAnswer(error, request.caller?.scope === 'creator')
    if (answer.status >= 500) request.log.error({ err: error }, 'request failed')
    return reply
      .code(answer.status)
      .headers(answer.headers)
      .send({ error: { code: answer.code, message: answer.message } })
  })
  api.setNotFoundHandler(() => {
    throw new HttpError(404, 'not-found', 'There is nothing here; /openapi.json says what there is')
  })
}

/** @param outsider whether the caller is a creator, whom the names of our servers are no matter of */
export function toAnswer(error: unknown, outsider: boolean): HttpError {
  if (error instanceof HttpError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(issue => `${error.validationContext}${issue.instancePath}: ${issue.message}`)
    return new HttpError(400, 'invalid', issues.join('; '))
  }
  if (error instanceof ServerError && error.reason !== 'rejected') {
    const message = outsider ? 'A server behind this API cannot answer now' : error.message
    return new HttpError(503, 'unavailable', message, RETRY_SOON)
  }
  if (error instanceof Failure) return fromFailure(error)
  const status = (error as FastifyError).statusCode
  if (!isResponseSerializationError(error) && status !== undefined && isAnswer(status)) {
    const code = FRAMEWORK_CODES[status] ?? 'invalid'
    return new HttpError(status, code, (error as FastifyError).message)
  }
  return new HttpError(500, 'internal', 'Something is wrong in this API; its log says what')
}

/** A caller is at fault in what is `misused`, and only in that. */
function fromFailure({ kind, message }: Failure): HttpError {
  return kind === 'misused'
    ? new HttpError(400, 'invalid', message)
    : new HttpError(503, 'unavailable', message, RETRY_SOON)
}

const isAnswer = (status: number): boolean => (status >= 400 && status < 500) || status === 503
