import { isIP } from 'node:net'
import { holds, isInSome, rangeOfOne } from '../egress/ip-ranges.ts'
import {
  METADATA,
  mayBePulledFrom,
  NEVER_PULLED_FROM,
  OF_CLUSTERS,
  PRIVATE,
} from '../egress/known-ranges.ts'
import type { BackupSettings } from '../settings/backup-settings.ts'
import type { Settings } from '../settings/parse-settings.ts'

/** All public addresses of IPv4, of IPv6, and of IPv4 for those who have IPv6 alone (RFC 6052). */
const PUBLIC = { v4: '0.0.0.0/0', v6: '2000::/3', nat64: '64:ff9b::/96' }

/** A range that connections may be opened to, but for those in it that are left out; at all ports, or at some. */
export interface OutsideRange {
  cidr: string
  except?: string[]
  ports?: number[]
}

/**
 * Where models may be pulled from on a cluster: from a library or a mirror whose address is nobody's to know
 * beforehand and which sends on to others; or through a proxy.
 */
export const pullRanges = ({
  kubernetes,
  ...settings
}: Pick<Settings, 'kubernetes' | 'modelMirror' | 'egress'>): OutsideRange[] =>
  outsideRanges(kubernetes, kubernetes.pullFrom, pullHosts(settings))

/** Where archives may be stored from within a cluster, but for what is in the cluster itself. */
export const storageRanges = (
  { kubernetes }: Pick<Settings, 'kubernetes'>,
  { ranges, endpoint }: Pick<BackupSettings, 'ranges' | 'endpoint'>,
): OutsideRange[] =>
  outsideRanges(kubernetes, ranges, endpoint === undefined ? [] : [hostOf(endpoint)])

/**
 * The namespace whose Service an address names, as `http://minio.storage.svc:9000` does; undefined for others. One without
 * a dot is of the pod's own, which is `''` here.
 */
export function serviceNamespace(url: string): string | undefined {
  const { host } = hostOf(url)
  if (isIP(host) !== 0) return undefined
  if (!host.includes('.')) return host === 'localhost' ? undefined : ''
  return /^[^.]+\.([^.]+)\.svc(\.|$)/.exec(host)?.[1]
}

/**
 * All public addresses at any port, some private ranges, and hosts that are named by a private address.
 * @param open the private ranges
 */
function outsideRanges(
  { clusterRanges }: Pick<Settings['kubernetes'], 'clusterRanges'>,
  open: readonly string[],
  hosts: readonly Host[],
): OutsideRange[] {
  const closed = [...NEVER_PULLED_FROM, ...METADATA, ...PRIVATE, ...OF_CLUSTERS, ...clusterRanges]
  return [
    without(PUBLIC.v4, closed),
    without(PUBLIC.v6, closed),
    { cidr: PUBLIC.nat64, except: closed.flatMap(range => nat64Of(range) ?? []) },
    ...open.map(cidr => without(cidr, METADATA)),
    ...hosts
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
    return [{ setting, ...hostOf(url) }]
  })
}

interface Host {
  host: string
  port: number
}

function hostOf(url: string): Host {
  const { protocol, hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || DEFAULT_PORTS[protocol]! }
}

const DEFAULT_PORTS: Record<string, number> = {
  'http:': 80,
  'https:': 443,
  'socks5:': 1080,
  'socks5h:': 1080,
}

/** A range without those of some that are in it, each smaller than it. */
function without(cidr: string, closed: readonly string[]): OutsideRange {
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
