import type { z } from 'zod'
import { PROBLEM_TYPE, Problem } from '../errors.ts'
import { HealthAnswer } from '../health/health-report.ts'

const REASONS = {
  400: 'Something about the request is wrong; the message says what',
  401: 'There is no token, or not a valid one',
  403: 'The token does not speak for this creator, or not for this call',
  404: 'There is no such thing',
  408: 'The body comes too slowly',
  409: 'The document was put in anew since the page before was read',
  413: 'The body is larger than this route takes',
  415: 'The body is something else than JSON',
  429: 'This caller sent too many requests; Retry-After says when to go on',
  503: 'There is no room now, or a server behind this API cannot answer; Retry-After says when to try again',
  507: 'The disk of a server behind this API is full, or the creator would have more than it may (quota-exceeded); reading and deleting go on',
} as const
type Refusal = keyof typeof REASONS

export const success = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
})

const problem = (description: string) => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: Problem } },
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
    200: success(description, schema),
    ...(Object.fromEntries(all.map(status => [status, problem(REASONS[status])])) as Record<
      Refusal,
      ReturnType<typeof problem>
    >),
  }
}

/** A health answer is one whether its status is 200 or 503. */
export const healthResponses = {
  200: success('All is well', HealthAnswer),
  400: problem(REASONS[400]),
  503: {
    description: 'Something is wrong; the parts say what',
    content: {
      'application/json': { schema: HealthAnswer },
      [PROBLEM_TYPE]: { schema: Problem },
    },
  },
}
