import { resolve } from 'node:path'
import type { z } from 'zod'
import { Failure } from '../failure.ts'
import { PROJECT, PROJECT_ROOT } from '../project.ts'
import type { Config } from '../settings/settings-schema.ts'
import { PRIVATE } from './known-ranges.ts'
import { namedCertificates, withoutPublic } from './named-certificates.mjs'
import { isLoopback } from './proxy-for.ts'
import { noProxy, proxyUrl, proxyVariables, withoutPassword } from './proxy-variables.mjs'

/** The way out to where models are pulled from, for an Ollama of the stack. */
export interface Egress {
  /** URL of the proxy for https; it may hold a password. Undefined where there is none. */
  proxy: string | undefined
  /** What is not asked through it, as NO_PROXY has it. */
  noProxy: string
  /** Variables that name files and folders of certificates on this machine: SSL_CERT_FILE, SSL_CERT_DIR. */
  certificates: Record<string, string>
  /** Whether a setting names them, and not the environment. */
  isConfigured: boolean
  /** What the environment has and the stack cannot use; for people. */
  warning?: string
}

/** In place of a proxy's URL: none, whatever the environment says. */
const NO_PROXY = 'none'

type Configured = Pick<
  z.infer<typeof Config>,
  'target' | 'httpsProxy' | 'noProxy' | 'caCertificates'
>
/** Makes the error about a setting: its key, its value, and what is allowed. */
export type Wrong = (key: string, value: unknown, allowed: string) => Failure

/**
 * What the settings say, and where they say nothing the environment of whoever deploys, but not for a cluster: there
 * two engineers' shells would roll the pods back and forth.
 * @throws Failure `misused` for a proxy that is no URL, or that containers cannot reach
 */
export function egressOf(configured: Configured, env: NodeJS.ProcessEnv, wrong: Wrong): Egress {
  const { target, httpsProxy, caCertificates } = configured
  const { https_proxy: theirs, no_proxy } = target === 'kubernetes' ? {} : proxyVariables(env)
  // One that is encrypted is known to the program alone, which is handed its text.
  const own = typeof httpsProxy === 'string' ? httpsProxy : NO_PROXY
  const proxy = own === '' ? theirs : settingOf(own, wrong)
  const spared = configured.noProxy || no_proxy || ''
  const egress = {
    proxy,
    // Names of a cluster are spared anyway.
    noProxy: noProxy(target === 'kubernetes' ? [spared, ...PRIVATE].join(',') : spared),
    certificates: certificatesOf(target, caCertificates, env),
    isConfigured: caCertificates !== '',
  }
  if (proxy === undefined || target === 'local' || !isLoopback(new URL(proxy).hostname)) {
    return egress
  }
  const shown = withoutPassword(proxy)
  if (own !== '') {
    throw wrong('httpsProxy', shown, 'an address that containers reach: loopback is their own')
  }
  const warning = `WARNING: https_proxy is ${shown}, which containers cannot reach: loopback is their own. Models are pulled without a proxy. Set ${PROJECT}:httpsProxy to an address that they reach, or to ${NO_PROXY}`
  return { ...egress, proxy: undefined, warning }
}

function settingOf(text: string, wrong: Wrong): string | undefined {
  if (text === NO_PROXY) return undefined
  try {
    return proxyUrl('httpsProxy', text)
  } catch {
    const allowed = `http://host:port, the same with https:// or socks5://, or ${NO_PROXY}`
    const shown = text.includes('://') ? text : `http://${text}`
    throw wrong('httpsProxy', withoutPassword(shown), allowed)
  }
}

function certificatesOf(target: Configured['target'], setting: string, env: NodeJS.ProcessEnv) {
  if (setting !== '') {
    const path = setting.replace(/^~(?=\/)/, env.HOME ?? '~')
    return { SSL_CERT_FILE: resolve(PROJECT_ROOT, path) }
  }
  if (target === 'kubernetes') return {}
  const file = env.SSL_CERT_FILE || env.NODE_EXTRA_CA_CERTS
  return {
    ...(file && { SSL_CERT_FILE: file }),
    ...(env.SSL_CERT_DIR && { SSL_CERT_DIR: env.SSL_CERT_DIR }),
  }
}

/**
 * The certificates of the stack's own that a container has to be given, in PEM.
 * @returns undefined when there are none
 */
export function ownCertificates({ certificates }: Egress): string | undefined {
  const own = withoutPublic(namedCertificates(certificates))
  return own.length === 0 ? undefined : `${own.join('\n')}\n`
}

/**
 * Requires that the file that the settings name has certificates in it.
 * @throws Failure `misused` with its path
 */
export function requireCertificates({ certificates, isConfigured }: Egress): void {
  if (!isConfigured || namedCertificates(certificates).length > 0) return
  const { SSL_CERT_FILE: file } = certificates
  throw new Failure(
    'misused',
    `${PROJECT}:caCertificates names ${file}, which has no certificate in PEM, or cannot be read`,
    { mend: `openssl x509 -in ${file} -noout -subject` },
  )
}
