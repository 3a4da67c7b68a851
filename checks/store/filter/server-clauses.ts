import type { Where } from 'chromadb'
import { Failure } from '../../../infra/failure.ts'

/**
 * Of a filter as the server gets it. For each, Chroma collects all records of the server that it lets through before it
 * joins them: measured, 1.5.9, 30,000 records: up to 100 ms for each that all records match, however few the creator
 * has, and next to nothing for what is around it or how many values a list has. Writes wait as long: SQLite lets none in
 * beside a read (a PUT of 40 ms took 400 to 800 beside such filters, 100,000 records).
 */
export const SERVER_CLAUSES = 8

/**
 * What a caller's filter becomes, and not what it says, is what it costs.
 * @throws Failure `misused` when it becomes more clauses than SERVER_CLAUSES
 */
export function requireAffordable(where: Where): void {
  const clauses = clausesOf(where)
  if (clauses <= SERVER_CLAUSES) return
  throw new Failure(
    'misused',
    `The filter is refused: it takes ${clauses} comparisons; allowed are ${SERVER_CLAUSES}. A list is one for each type of value in it; fractions are two, alone or in a list`,
    { mend: 'use $in or $nin in place of many comparisons of one key' },
  )
}

/** Comparisons of a key, with one value or with a list. */
export function clausesOf(where: Where): number {
  const [operator, content] = Object.entries(where)[0]!
  if (operator !== '$and' && operator !== '$or') return 1
  return (content as Where[]).reduce((sum, part) => sum + clausesOf(part), 0)
}
