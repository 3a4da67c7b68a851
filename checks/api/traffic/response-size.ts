import { z } from 'zod'
import { ErrorBody } from '../errors.ts'
import { HealthAnswer } from '../health/health-report.ts'

const REASONS = {
  400: 'Something about the request is wrong; the message says what',
  401: 'There is no token, or not a valid one',
  403: 'The token does not speak for this creator, or not for this call',
  404: 'There is no such thing',
  408: 'The body comes too slowly',
  413: 'The body is larger than this route takes',
  415: 'The body is something else than JSON',
  429: 'This caller sent too many requests; Retry-After says when to go on',
  503: 'There is no room now, or a server behind this API cannot answer; Retry-After says when to try again',
  507: 'The disk of a server behind this API is full, or the creator would have more than it may (quota-exceeded); reading and deleting go on',
} as const
type Refusal = keyof typeof REASONS

const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
})

/** What a route answers: its success, the refusals it has in common with all others, and those of its own. */
export function responsesOf<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  ...refusals: Refusal[]
) {
  const all: Refusal[] = [400, 429, 503, ...refusals]
  // Where a body is taken, it may be too large, and too slow.
  if (refusals.includes(413)) all.push(408)
  return {
    200: json(description, schema),
    ...(Object.fromEntries(all.map(status => [status, json(REASONS[status], ErrorBody)])) as Record<
      Refusal,
      { description: string; content: { 'application/json': { schema: typeof ErrorBody } } }
    >),
  }
}

/** A health answer is one whether its status is 200 or 503. */
export const healthResponses = {
  200: json('All is well', HealthAnswer),
  400: json(REASONS[400], ErrorBody),
  503: json('Something is wrong; the parts say what', z.union([HealthAnswer, ErrorBody])),
}
