import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { rootCertificates } from 'node:tls'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * The certificates in the files and folders that variables of the environment name: NODE_EXTRA_CA_CERTS, SSL_CERT_FILE,
 * SSL_CERT_DIR. What cannot be read is passed over, as the programs that read them do.
 * @param {Record<string, string | undefined>} env
 * @returns {string[]} each once, in PEM
 */
export function namedCertificates(env) {
  const folders = (env.SSL_CERT_DIR ?? '').split(delimiter).filter(folder => folder !== '')
  const files = folders.flatMap(folder =>
    orNothing(() => readdirSync(folder)).map(name => join(folder, name)),
  )
  const named = [env.NODE_EXTRA_CA_CERTS, env.SSL_CERT_FILE, ...files]
  return [...new Set(named.filter(Boolean).flatMap(certificatesIn))]
}

/**
 * Those of them that nobody trusts but the user, so that only they have to be told.
 * @param {string[]} certificates
 */
export function withoutPublic(certificates) {
  const known = new Set(rootCertificates.map(bare))
  return certificates.filter(certificate => !known.has(bare(certificate)))
}

/** @param {string} certificate */
const bare = certificate => certificate.replace(/\s/g, '')

/** @param {string | undefined} file */
const certificatesIn = file =>
  orNothing(() => readFileSync(String(file), 'utf8').match(CERTIFICATE) ?? [])

/**
 * @param {() => string[]} read
 * @returns nothing where that fails
 */
function orNothing(read) {
  try {
    return read()
  } catch {
    return []
  }
}
