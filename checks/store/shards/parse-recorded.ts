import type { z } from 'zod'
import { Failure } from '../../../infra/failure.ts'

/**
 * Reads what is recorded beside the data.
 * @param what it is: `the layout of shard 3`
 * @throws Failure `misused` for what is none
 */
export function parseRecorded<Content>(
  schema: z.ZodType<Content>,
  value: string,
  what: string,
): Content {
  try {
    return schema.parse(JSON.parse(value))
  } catch (cause) {
    throw new Failure('misused', `What is recorded as ${what} is none: ${value}`, {
      mend: 'run the version of knowledge-stack that recorded it',
      cause,
    })
  }
}
