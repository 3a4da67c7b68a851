import { holds, isInSome, rangeOfOne } from '../egress/ip-ranges.ts'
import {
  METADATA,
  mayBePulledFrom,
  NEVER_PULLED_FROM,
  OF_CLUSTERS,
  PRIVATE,
} from '../egress/known-ranges.ts'
import type { Settings } from '../settings/parse-settings.ts'

/** All public addresses of IPv4, of IPv6, and of IPv4 for those who have IPv6 alone (RFC 6052). */
const PUBLIC = { v4: '0.0.0.0/0', v6: '2000::/3', nat64: '64:ff9b::/96' }

/** A range that connections may be opened to, but for those in it that are left out; at all ports, or at some. */
export interface PullRange {
  cidr: string
  except?: string[]
  ports?: number[]
}

/**
 * Where models may be pulled from on a cluster: from a library or a mirror whose address is nobody's to know
 * beforehand and which sends on to others, at any port; from the private ranges that the settings name; and from a
 * mirror, or through a proxy, that they name by a private address.
 */
export function pullRanges({
  kubernetes,
  ...settings
}: Pick<Settings, 'kubernetes' | 'modelMirror' | 'egress'>): PullRange[] {
  const { pullFrom, clusterRanges } = kubernetes
  const closed = [...NEVER_PULLED_FROM, ...METADATA, ...PRIVATE, ...OF_CLUSTERS, ...clusterRanges]
  return [
    without(PUBLIC.v4, closed),
    without(PUBLIC.v6, closed),
    { cidr: PUBLIC.nat64, except: closed.flatMap(range => nat64Of(range) ?? []) },
    ...pullFrom.map(cidr => without(cidr, METADATA)),
    ...pullHosts(settings)
      .filter(({ host }) => isInSome([...PRIVATE, ...OF_CLUSTERS, ...clusterRanges], host))
      .map(({ host, port }) => ({ cidr: rangeOfOne(host), ports: [port] }))
      .filter(({ cidr }) => mayBePulledFrom(cidr)),
  ]
}

/** The mirror and the proxy of the settings: an address, or a name whose address is not known here. */
export function pullHosts({ modelMirror, egress }: Pick<Settings, 'modelMirror' | 'egress'>) {
  const mirror = modelMirror && `http${modelMirror.insecure ? '' : 's'}://${modelMirror.host}`
  const named = { modelMirror: mirror, httpsProxy: egress.proxy }
  return Object.entries(named).flatMap(([setting, url]) => {
    if (url === undefined) return []
    const { protocol, hostname, port } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    return [{ setting, host, port: Number(port) || DEFAULT_PORTS[protocol]! }]
  })
}

const DEFAULT_PORTS: Record<string, number> = {
  'http:': 80,
  'https:': 443,
  'socks5:': 1080,
  'socks5h:': 1080,
}

/** A range without those of some that are in it, each smaller than it. */
function without(cidr: string, closed: readonly string[]): PullRange {
  const except = closed.filter(range => range !== cidr && holds(cidr, range))
  return { cidr, ...(except.length > 0 && { except }) }
}

/** What a range of IPv4 is within `64:ff9b::/96`; undefined for one of IPv6. */
function nat64Of(range: string): string | undefined {
  const [, a, b, c, d, length] =
    /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(range)?.map(Number) ?? []
  if (length === undefined) return undefined
  const [high, low] = [a! * 256 + b!, c! * 256 + d!].map(group => group.toString(16))
  return `${PUBLIC.nat64.replace('/96', '')}${high}:${low}/${96 + length}`
}
