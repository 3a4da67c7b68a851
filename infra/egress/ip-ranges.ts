import { BlockList, isIP } from 'node:net'

/** A range in CIDR, or an address alone; of neither, nothing. */
export function rangeOf(cidr: string): BlockList {
  const list = new BlockList()
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(addressOf(cidr))]!
  const length = lengthOf(cidr) ?? bits
  if (bits > 0 && length <= bits) list.addSubnet(addressOf(cidr), length, familyOf(addressOf(cidr)))
  return list
}

export const isIn = (list: BlockList, host: string): boolean =>
  isIP(host) !== 0 && list.check(host, familyOf(host))

/** Whether an address is of one of some ranges. */
export const isInSome = (ranges: readonly string[], host: string): boolean =>
  ranges.some(range => isIn(rangeOf(range), host))

/** Whether two ranges have an address in common: of any two, one holds the other or they are apart. */
export const overlap = (a: string, b: string): boolean => holds(a, b) || holds(b, a)

/** Whether a range has all addresses of another. */
export const holds = (outer: string, inner: string): boolean =>
  isIP(addressOf(outer)) === isIP(addressOf(inner)) &&
  (lengthOf(outer) ?? Number.POSITIVE_INFINITY) <= (lengthOf(inner) ?? Number.POSITIVE_INFINITY) &&
  isIn(rangeOf(outer), addressOf(inner))

/** The range of one address: `10.0.0.7/32`. */
export const rangeOfOne = (address: string): string =>
  `${address}/${isIP(address) === 6 ? 128 : 32}`

const addressOf = (cidr: string): string => cidr.split('/')[0]!

function lengthOf(cidr: string): number | undefined {
  const [, length] = cidr.split('/')
  return length === undefined ? undefined : Number(length)
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')
