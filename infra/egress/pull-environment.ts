import type { Egress } from './egress-settings.ts'

export const PROXY_VARIABLE = 'HTTPS_PROXY'

/** Logs of Ollama below warnings are off: among them is one of its whole environment, proxy and password included. */
const QUIET = '-1'

/**
 * What an Ollama is told of the proxy that it pulls through. Never HTTP_PROXY: requests to itself would go there too
 * (docs.ollama.com/faq). The proxy's URL may hold a password: PROXY_VARIABLE is a secret.
 */
export function pullEnvironment({ proxy, noProxy }: Egress): Record<string, string> {
  if (proxy === undefined) return {}
  const { username, password } = new URL(proxy)
  return {
    [PROXY_VARIABLE]: proxy,
    NO_PROXY: noProxy,
    ...(`${username}${password}` !== '' && { OLLAMA_DEBUG: QUIET }),
  }
}

/** Folder of the certificates of a user's own in a container. */
export const CERTIFICATES = '/etc/knowledge/certificates'
export const CERTIFICATES_FILE = 'own.pem'
/** What has an Ollama in a container trust those certificates beside those of its image. */
export const TRUST_OWN = { SSL_CERT_DIR: `/etc/ssl/certs:${CERTIFICATES}` }
