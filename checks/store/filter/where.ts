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

function listed(key: string, operator: string, values: Value[]): Where {
  const types = new Set(values.map(value => typeof value))
  if (types.size === 1 && !values.some(isFraction))
    return { [key]: { [operator]: values } } as Where
  return operator === '$in'
    ? { $or: values.map(value => clause(key, '$eq', value)) }
    : { $and: values.map(value => clause(key, '$ne', value)) }
}

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
