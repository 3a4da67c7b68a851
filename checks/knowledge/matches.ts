import type { Filter } from './filter.ts'

type Value = string | number | boolean

const isBeside = (compare: (value: number, operand: number) => boolean) => {
  return (value: unknown, operand: never) => typeof value === 'number' && compare(value, operand)
}

const MEANINGS: Record<string, (value: unknown, operand: never) => boolean> = {
  $eq: (value, operand) => value === operand,
  $ne: (value, operand) => value !== operand,
  $gt: isBeside((value, operand) => value > operand),
  $gte: isBeside((value, operand) => value >= operand),
  $lt: isBeside((value, operand) => value < operand),
  $lte: isBeside((value, operand) => value <= operand),
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
