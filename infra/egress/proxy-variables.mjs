/**
 * What the environment says of proxies, in one form for every program: some read the upper-case names and some the
 * lower-case ones, and most ask a proxy for loopback too unless they are told not to. Plain JavaScript, since the
 * bootstrap needs it before anything is installed.
 */

/** Hosts that are never asked through a proxy: those of this machine, in each spelling, and those of a cluster. */
export const DIRECT = ['localhost', '127.0.0.1', '::1', '[::1]', '.svc', '.cluster.local']

const SCHEMES = ['http://', 'https://', 'socks5://']

/**
 * The variables of proxies in both cases, with one value each. Lower case wins where the two differ, as for curl and
 * Node; `all_proxy` stands in for those that are missing; `no_proxy` gets DIRECT beside its own.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>} what is to be set in it; nothing where it names no proxy
 * @throws TypeError that names the variable and what is allowed, without a password that it may hold
 */
export function proxyVariables(env) {
  const everything = setTo(env, 'all_proxy')
  /** @type {Record<string, string>} */
  const proxies = {}
  for (const name of ['http_proxy', 'https_proxy']) {
    const value = setTo(env, name) || (isUsable(everything) ? everything : '')
    if (value !== '') proxies[name] = proxyUrl(name, value)
  }
  if (everything === '' && Object.keys(proxies).length === 0) return {}
  proxies.no_proxy = noProxy(setTo(env, 'no_proxy'), env.KUBERNETES_SERVICE_HOST)
  const upper = Object.entries(proxies).map(([name, value]) => [name.toUpperCase(), value])
  return { ...proxies, ...Object.fromEntries(upper) }
}

/**
 * A list of hosts for `no_proxy`, separated by commas alone, with DIRECT in it.
 * @param {string} wanted the user's own list; `*` is every host and stands alone
 * @param {string | undefined} [more] one more host
 */
export function noProxy(wanted, more) {
  const hosts = wanted.split(/[,\s]+/).filter(host => host !== '')
  if (hosts.includes('*')) return '*'
  return [...new Set([...hosts, ...DIRECT, ...(more ? [more] : [])])].join(',')
}

/**
 * The URL of a proxy; `host:port` alone is one that is spoken to by HTTP.
 * @param {string} name what it is called where it was set, for the error
 * @param {string} value
 * @throws TypeError as proxyVariables
 */
export function proxyUrl(name, value) {
  const text = value.includes('://') ? value : `http://${value}`
  if (isUsable(text) && URL.canParse(text) && new URL(text).hostname !== '') return text
  throw new TypeError(
    `${name} is ${JSON.stringify(withoutPassword(text))}; allowed is http://host:port, or the same with https:// or socks5://`,
  )
}

/**
 * A text with what may be the user and the password of a URL taken out.
 * @param {string} text
 */
export const withoutPassword = text => text.replace(/:\/\/[^"]*@/g, '://…@')

/** @param {string} text */
const isUsable = text => SCHEMES.some(scheme => text.toLowerCase().startsWith(scheme))

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name in lower case
 */
const setTo = (env, name) => env[name] || env[name.toUpperCase()] || ''
