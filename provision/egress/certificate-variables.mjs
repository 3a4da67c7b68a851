import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { namedCertificates } from '../../infra/egress/named-certificates.mjs'

/**
 * The certificates that a user trusts beside the system's, named once for one kind of program and handed on to all:
 * Node and npm read NODE_EXTRA_CA_CERTS, Go and OpenSSL SSL_CERT_FILE and SSL_CERT_DIR, pip REQUESTS_CA_BUNDLE. What
 * the environment sets itself stays: it may mean something else for that program. Plain JavaScript, since the
 * bootstrap needs it before anything is installed.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>} what is to be set in it; nothing where it names no certificates
 */
export function certificateVariables(env) {
  const { NODE_EXTRA_CA_CERTS: extra, SSL_CERT_FILE: file, SSL_CERT_DIR: folders } = env
  if (!extra && !file && !folders) return {}
  const isBundled = env.REQUESTS_CA_BUNDLE || env.CURL_CA_BUNDLE
  return {
    ...(!extra && { NODE_EXTRA_CA_CERTS: file || bundle(env) }),
    // Go and OpenSSL go on reading the system's folders beside it.
    ...(!file && extra && { SSL_CERT_FILE: extra }),
    // It takes the place of what pip would trust, so it holds that too.
    ...(!isBundled && { REQUESTS_CA_BUNDLE: bundle(env) }),
  }
}

/**
 * Folder of what is kept outside of the checkout.
 * @param {NodeJS.ProcessEnv} env
 */
export const cacheFolder = env =>
  env.KNOWLEDGE_STACK_CACHE ||
  join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'knowledge-stack')

/**
 * Writes a file with the certificates that the environment names and those that everybody trusts.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} its path, another one when they are others
 */
function bundle(env) {
  const text = [...new Set([...namedCertificates(env), ...rootCertificates])].join('\n')
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const folder = join(cacheFolder(env), 'certificates')
  const file = join(folder, `${hash}.pem`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${file}.${process.pid}`, `${text}\n`)
  renameSync(`${file}.${process.pid}`, file)
  return file
}
