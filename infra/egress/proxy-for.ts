import { isIP } from 'node:net'
import { isIn, isInSome, rangeOf } from './ip-ranges.ts'
import { proxyVariables } from './proxy-variables.mjs'

const LOOPBACK = ['127.0.0.0/8', '::1/128']
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' }

/**
 * The proxy that the environment has for a URL, by the rules of curl and Go: entries
 * of `no_proxy` are hosts with all below them, addresses, or ranges of addresses, each with a port or without.
 * Loopback has none. Node's own reading knows no ranges, and takes loopback to a proxy.
 * @param env as proxyVariables makes it
 * @returns its URL, which may hold a password; undefined where the host is asked directly
 */
export function proxyFor(
  url: string,
  env: Record<string, string | undefined> = proxyVariables(process.env),
): string | undefined {
  const { protocol, hostname, port } = new URL(url)
  const proxy = protocol === 'https:' ? env.https_proxy : env.http_proxy
  if (!proxy) return undefined
  if (isLoopback(hostname)) return undefined
  const host = hostname.replace(/^\[|\]$/g, '')
  const entries = (env.no_proxy ?? '').split(/[,\s]+/).filter(entry => entry !== '')
  const at = port || DEFAULT_PORTS[protocol]
  return entries.some(entry => covers(entry.toLowerCase(), host, at)) ? undefined : proxy
}

/** @param hostname as a URL has it: an IPv6 address in brackets */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host.endsWith('.localhost') || isInSome(LOOPBACK, host)
}

function covers(entry: string, host: string, port: string | undefined): boolean {
  if (entry === '*') return true
  if (/^.+\/\d+$/.test(entry)) return isIn(rangeOf(entry), host)
  // An IPv6 address without brackets ends like a port.
  const [, name, wanted] = (isIP(entry) === 0 && /^(.+):(\d+)$/.exec(entry)) || [null, entry]
  if (wanted !== undefined && wanted !== port) return false
  const bare = name!.replace(/^\[|\]$|^\*?\./g, '')
  return host === bare || host.endsWith(`.${bare}`)
}
