import { isIP } from 'node:net'
import { pullHosts, serviceNamespace } from '../kubernetes/outside-ranges.ts'
import { PROJECT } from '../project.ts'
import { scheduledBackup } from './backup-settings.ts'
import { neverRun } from './ollama-version.ts'
import type { Settings } from './parse-settings.ts'

/** What settings leave open, or what may not work with them, though each is a valid one: for people, a text each. */
export function warningsOf(settings: Settings): string[] {
  return [
    settings.egress.warning,
    neverRunHere(settings),
    withoutEffect(settings),
    settings.target === 'docker' ? apiInClear(settings) : undefined,
    ...(settings.target === 'kubernetes' ? [addressesBehindIngress(settings)] : []),
    ...(settings.target === 'kubernetes' ? pulledByName(settings) : []),
    ...(settings.target === 'kubernetes' ? [storedByName(settings)] : []),
  ].filter(text => text !== undefined)
}

function withoutEffect({ withoutEffect: keys, target }: Settings): string | undefined {
  if (keys.length === 0) return undefined
  const named = keys.map(key => `${PROJECT}:${key}`).join(', ')
  return `WARNING: ${named} counts for nothing on the target ${target}`
}

function neverRunHere({ ollama: { version } }: Settings): string | undefined {
  const told = neverRun(version)
  return told && `WARNING: ${PROJECT}:ollamaVersion or images.ollama names ${version}. ${told}`
}

const EVERY_ADDRESS = '0.0.0.0'

/**
 * One address of the machine with a proxy in front of it that the settings name is taken for one that only the proxy
 * reaches, which speaks TLS to everybody else.
 */
function apiInClear({ api: { address, proxies, port } }: Settings): string | undefined {
  if (address.startsWith('127.') || (address !== EVERY_ADDRESS && proxies !== '')) return undefined
  const where = address === EVERY_ADDRESS ? 'every address of this machine' : 'the network'
  return `WARNING: ${PROJECT}:apiAddress is ${address}: the HTTP API is on ${where} without TLS, and who is on the way reads its tokens and its texts. Set it to 127.0.0.1, and have a reverse proxy with TLS on this machine lead to 127.0.0.1:${port}; ${PROJECT}:apiHosts names the name that it is called by, ${PROJECT}:apiProxies the proxy's address`
}

function addressesBehindIngress({ kubernetes, api }: Settings): string | undefined {
  if (kubernetes.ingress === undefined || api.proxies !== '') return undefined
  return `WARNING: ${PROJECT}:kubernetes.ingress is set and ${PROJECT}:apiProxies is empty: to the API all who come through the Ingress have the one address of its controller, and share what one address without a token is given. Set ${PROJECT}:apiProxies to the range of the controller's pods, such as 10.244.0.0/16`
}

function pulledByName(settings: Settings): string[] {
  if (settings.kubernetes.pullFrom.length > 0) return []
  return pullHosts(settings)
    .filter(({ host }) => isIP(host) === 0)
    .map(
      ({ setting, host }) =>
        `WARNING: ${PROJECT}:${setting} names ${host}, and ${PROJECT}:kubernetes.pullFrom is empty: where that name stands for a private address and the cluster's network enforces policies, no model is pulled. Then set kubernetes.pullFrom to its range, such as ["10.0.0.7/32"]`,
    )
}

function storedByName({ backup }: Settings): string | undefined {
  const { endpoint, ranges = [] } = scheduledBackup(backup) ?? {}
  if (endpoint === undefined || ranges.length > 0) return undefined
  const { hostname } = new URL(endpoint)
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  if (isAddress || serviceNamespace(endpoint) !== undefined) return undefined
  return `WARNING: ${PROJECT}:backup.endpoint names ${hostname}, and ${PROJECT}:backup.ranges is empty: where that name stands for a private address and the cluster's network enforces policies, no backup is taken. Then set backup.ranges to its range, such as ["10.0.0.9/32"]`
}
