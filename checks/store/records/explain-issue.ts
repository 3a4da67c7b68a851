import type { z } from 'zod'

/**
 * What is wrong with a caller's input, in one line: `topic: a text is well-formed Unicode`. Of the alternatives
 * that a schema allows it goes into the one that the caller must have meant; where that cannot be told, the
 * message of the whole stands.
 * @param error of a parse with `reportInput`
 */
export function explain(error: z.ZodError): string {
  const { path, message } = leaf(error.issues[0]!)
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`
}

interface Leaf {
  path: PropertyKey[]
  message: string
}

function leaf(issue: z.core.$ZodIssue): Leaf {
  if (issue.code === 'invalid_key') return { ...issue, message: issue.issues[0]!.message }
  if (issue.code !== 'invalid_union') return issue
  const meant = issue.errors.filter(isOfThisShape).map(issues => leaf(issues[0]!))
  const farthest = meant.sort((a, b) => b.path.length - a.path.length)[0]
  if (farthest === undefined || farthest.path.length === 0) return issue
  return { path: [...issue.path, ...farthest.path], message: farthest.message }
}

/** An alternative with keys too many or too few is not the one that was meant. */
const isOfThisShape = (issues: z.core.$ZodIssue[]): boolean =>
  issues.every(
    issue =>
      issue.code !== 'unrecognized_keys' &&
      !(issue.code === 'invalid_type' && issue.input === undefined),
  )
