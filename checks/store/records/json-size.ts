import { z } from 'zod'

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null

/**
 * A schema that refuses a value at once when it is too large, before it looks at each part of it: who sends rubbish by
 * the thousand would otherwise have a reason found for every piece.
 * @param whatIsTooLarge undefined for what may be looked at
 */
export const bounded = <Schema extends z.ZodType>(
  whatIsTooLarge: (value: unknown) => string | undefined,
  schema: Schema,
) =>
  z.preprocess((value, context) => {
    const message = whatIsTooLarge(value)
    if (message === undefined) return value
    context.addIssue({ code: 'custom', message, input: value })
    return z.NEVER
  }, schema)
