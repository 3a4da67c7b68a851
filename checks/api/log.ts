import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * Nothing here logs a header or a path; what the framework or a later hand logs with one in it loses the token
 * and the ids of creators all the same.
 */
export const loggerOptions = (level: LogLevel) => ({
  level,
  redact: ['authorization', '*.authorization', '*.headers.authorization'],
  serializers: {
    req: ({ method, routeOptions }: FastifyRequest) => ({ method, route: routeOptions?.url }),
  },
})

/** One line for each request, when it is over: by route, since paths hold the ids of creators and documents. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const { method, caller } = request
    const route = request.routeOptions.url
    const line = {
      method,
      route,
      status: reply.statusCode,
      millis: Math.round(reply.elapsedTime),
      caller: caller?.scope,
    }
    if (error) request.log.warn({ ...line, err: error }, 'answer not sent')
    else request.log.info(line, 'answered')
  }
}
