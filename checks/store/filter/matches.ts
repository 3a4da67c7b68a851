import type { Filter } from './filter.ts'

type Value = string | number | boolean

const ofNumbers = (compare: (value: number, operand: number) => boolean) => {
  return (value: unknown, operand: never) => typeof value === 'number' && compare(value, operand)
}

const MEANINGS: Record<string, (value: unknown, operand: never) => boolean> = {
  $eq: (value, operand) => value === operand,
  $ne: (value, operand) => value !== operand,
  $gt: ofNumbers((value, operand) => value > operand),
  $gte: ofNumbers((value, operand) => value >= operand),
  $lt: ofNumbers((value, operand) => value < operand),
  $lte: ofNumbers((value, operand) => value <= operand),
  $in: (value, list: unknown[]) => list.includes(value),
  $nin: (value, list: unknown[]) => !list.includes(value),
}

/**
 * Whether a caller's filter lets metadata through, as it does on the server by `toWhere`: what has no such key, or a
 * value of another type, is not equal, and neither more nor less.
 * @param filter a parsed one
 */
export function matches(filter: Filter, metadata: Readonly<Record<string, unknown>>): boolean {
  const [key, content] = Object.entries(filter)[0]!
  if (key === '$and') return (content as Filter[]).every(part => matches(part, metadata))
  if (key === '$or') return (content as Filter[]).some(part => matches(part, metadata))
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined
  if (typeof content !== 'object') return value === content
  const [operator, operand] = Object.entries(content)[0] as [string, Value | Value[]]
  return MEANINGS[operator]!(value, operand as never)
}

/**
 * Whether `matches` and the server always agree about a filter. Chroma reads some long fractions as their neighbours, in
 * what is stored and in what is asked; what comes back of a stored one is the neighbour, and would not be equal here.
 */
export const isExactHere = (filter: Filter): boolean => operands(filter).every(Number.isInteger)

/** The numbers that a filter compares with. */
function operands(content: unknown): number[] {
  if (typeof content === 'number') return [content]
  return typeof content === 'object' && content !== null
    ? Object.values(content).flatMap(operands)
    : []
}
