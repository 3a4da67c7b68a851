import type { Where } from 'chromadb'
import type { Filter } from './filter.ts'

type Value = string | number | boolean

/**
 * What a caller's filter is in Chroma's terms, so that it means what it says there too: Chroma 1.5.9 refuses
 * lists of several types, and cuts a fraction off before it compares it with whole numbers (`$lt: 2.5` misses
 * 2, and `$eq: 2.5` finds it; chroma#7491).
 * @param filter a parsed one
 */
export function toWhere(filter: Filter): Where {
  const [key, content] = Object.entries(filter)[0]!
  if (key === '$and' || key === '$or') {
    return { [key]: (content as Filter[]).map(toWhere) } as Where
  }
  if (typeof content !== 'object') return clause(key, '$eq', content as Value)
  const [operator, operand] = Object.entries(content)[0] as [string, Value | Value[]]
  return Array.isArray(operand) ? listed(key, operator, operand) : clause(key, operator, operand)
}

/**
 * A list of each type: one clause for all its values, and two for those that are fractions, whose whole neighbours are
 * put right as `exact` does.
 */
function listed(key: string, operator: string, values: Value[]): Where {
  const isIn = operator === '$in'
  const parts = [...Map.groupBy(values, typeIn)].map(([type, some]): Where => {
    const plain = list(key, operator, some)
    if (type !== 'fraction') return plain
    const cuts = [...new Set(some.map(value => Math.trunc(Number(value))))]
    return isIn
      ? { $and: [plain, list(key, '$nin', cuts)] }
      : { $or: [plain, list(key, '$in', cuts)] }
  })
  const [only] = parts
  return parts.length === 1 ? only! : isIn ? { $or: parts } : { $and: parts }
}

const typeIn = (value: Value): string => (isFraction(value) ? 'fraction' : typeof value)

const list = (key: string, operator: string, values: Value[]): Where =>
  ({ [key]: { [operator]: values } }) as Where

function clause(key: string, operator: string, value: Value): Where {
  const plain = { [key]: { [operator]: value } } as Where
  return isFraction(value) ? exact(key, operator, value, plain) : plain
}

const isFraction = (value: Value): value is number =>
  typeof value === 'number' && !Number.isInteger(value)

/** The comparison with a fraction, put right for whole numbers by one with the whole number beside it. */
function exact(key: string, operator: string, value: number, plain: Where): Where {
  const [below, above, cut] = [Math.floor(value), Math.ceil(value), Math.trunc(value)]
  switch (operator) {
    case '$lt':
      return { $or: [plain, { [key]: { $lte: below } }] }
    case '$gt':
      return { $or: [plain, { [key]: { $gte: above } }] }
    case '$lte':
      return { $and: [plain, { [key]: { $lt: above } }] }
    case '$gte':
      return { $and: [plain, { [key]: { $gt: below } }] }
    case '$ne':
      return { $or: [plain, { [key]: { $eq: cut } }] }
    default:
      return { $and: [plain, { [key]: { $ne: cut } }] }
  }
}
