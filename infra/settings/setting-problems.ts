import { closest, distance } from 'fastest-levenshtein'
import type { z } from 'zod'
import { withoutPassword } from '../egress/proxy-variables.mjs'
import { Failure } from '../failure.ts'
import { PROJECT } from '../project.ts'
import { Config } from './settings-schema.ts'

/** Letters that may be wrong in a name for it to be taken for another. */
const SLIPS = 3
/** What zod says where a schema has no words of its own for it. */
const WORDS_OF_ZOD = /^(Invalid|Too (small|big)|Unrecognized)/
const TYPES: Record<string, string> = {
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  string: 'a text',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** What is wrong with the settings of a stack, a line each: key, value, what is allowed. */
export function misconfigured(
  stack: string,
  raw: Record<string, unknown>,
  issues: readonly z.core.$ZodIssue[],
): Failure {
  const lines = issues.flatMap(issue =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0
      ? issue.keys.map(unknownSetting)
      : [describeIssue(raw, issue)],
  )
  return new Failure('misused', `Stack ${stack} is configured wrongly:\n  ${lines.join('\n  ')}`, {
    mend: `edit Pulumi.${stack}.yaml`,
  })
}

function unknownSetting(key: string): string {
  const known = Object.keys(Config.shape)
  const rest = didYouMean(key, known) || `; known are ${known.join(', ')}`
  return `${PROJECT}:${key} is an unknown setting${rest}`
}

/**
 * Requires that no key has the project's prefix misspelt: Pulumi takes it for another project's, and it counts for nothing.
 * @throws Failure `misused`
 */
export function requireKnownPrefixes(stack: string, keys: readonly string[]): void {
  const wrong = keys.filter(key => {
    const [prefix = '', ...rest] = key.split(':')
    return rest.length > 0 && prefix !== PROJECT && distance(prefix, PROJECT) <= SLIPS
  })
  if (wrong.length === 0) return
  const lines = wrong.map(
    key => `${key} is nobody's setting; did you mean ${PROJECT}:${key.split(':')[1]}?`,
  )
  throw new Failure('misused', `Stack ${stack} is configured wrongly:\n  ${lines.join('\n  ')}`, {
    mend: `edit Pulumi.${stack}.yaml`,
  })
}

function describeIssue(raw: Record<string, unknown>, issue: z.core.$ZodIssue): string {
  const value = issue.path.reduce<unknown>(
    (node, key) => (node as Record<PropertyKey, unknown> | undefined)?.[key],
    raw,
  )
  const shown = withoutPassword(JSON.stringify(value) ?? 'not set')
  const said = WORDS_OF_ZOD.test(issue.message) ? allowedBy(issue, value) : undefined
  return `${PROJECT}:${issue.path.join('.')} is ${shown}: ${said ?? issue.message}`
}

/** In our words what a schema lets through; undefined where only zod's own say it. */
function allowedBy(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] && `allowed is ${TYPES[issue.expected]}`
    case 'invalid_value': {
      const values = issue.values.map(String)
      return `allowed is ${values.join(', ')}${didYouMean(String(value), values)}`
    }
    case 'too_small':
      return `allowed is ${amountOf(issue.origin, issue.minimum, 'at least')}`
    case 'too_big':
      return `allowed is ${amountOf(issue.origin, issue.maximum, 'at most')}`
    case 'unrecognized_keys':
      return `${issue.keys.map(key => JSON.stringify(key)).join(', ')} is unknown there`
    default:
      return undefined
  }
}

function amountOf(origin: string, bound: number | bigint, word: string): string {
  if (origin === 'string') {
    return bound === 1 ? 'a text that is not empty' : `a text of ${word} ${bound} characters`
  }
  if (origin === 'array' || origin === 'set') return `${word} ${bound} of them`
  return `${word} ${bound}`
}

/** The end of a sentence that says which name was meant; empty where none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const found = closest(name, known)
  const isNear = distance(name.toLowerCase(), found.toLowerCase()) <= SLIPS
  return isNear ? `; did you mean ${found}?` : ''
}
