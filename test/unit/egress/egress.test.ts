import { describe, expect, it } from 'vitest'
import { requireCertificates } from '../../../infra/egress/egress-settings.ts'
import { pullEnvironment } from '../../../infra/egress/pull-environment.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { refusalOf } from '../../support/servers/refusal.ts'

const PROXY = 'http://proxy.example.org:3128'
const THEIRS = {
  https_proxy: 'http://theirs.example.org:8080',
  no_proxy: 'example.org',
  SSL_CERT_FILE: '/certificates.pem',
}
const TARGETS = ['local', 'docker', 'kubernetes'] as const

const egress = (raw: Record<string, unknown>, env: NodeJS.ProcessEnv = THEIRS) =>
  parseSettings('dev', { chatModel: 'smollm2:135m', ...raw }, { HOME: '/home/ada', ...env }).egress
const hostsOf = (noProxy: string) => noProxy.split(',')

describe('the way out of an Ollama', () => {
  it.each(TARGETS)('is what the settings say, with the target %s', target => {
    const raw = { target, httpsProxy: PROXY, noProxy: 'shop.example.org' }
    const { proxy, noProxy } = egress(raw)
    expect(proxy).toBe(PROXY)
    expect(hostsOf(noProxy)).toEqual(expect.arrayContaining(['shop.example.org', 'localhost']))
    expect(noProxy).not.toMatch(/(^|,)example\.org/)
    expect(egress({ target, httpsProxy: 'none' }).proxy).toBeUndefined()
  })

  it.each(['local', 'docker'])('is that of whoever deploys, with the target %s', target => {
    expect(egress({ target })).toMatchObject({
      proxy: THEIRS.https_proxy,
      noProxy: expect.stringMatching(/^example\.org,localhost,127\.0\.0\.1,/),
      certificates: { SSL_CERT_FILE: '/certificates.pem' },
    })
  })

  it('is not that of whoever deploys to a cluster, whose own addresses are never asked by a proxy', () => {
    expect(egress({ target: 'kubernetes' })).toMatchObject({ proxy: undefined, certificates: {} })
    const { noProxy } = egress({ target: 'kubernetes', httpsProxy: PROXY })
    const spared = ['localhost', '127.0.0.1', '::1', '.svc', '.cluster.local', '10.0.0.0/8']
    expect(hostsOf(noProxy)).toEqual(expect.arrayContaining(spared))
  })

  it.each(['http://127.0.0.1:3128', 'http://localhost:3128', 'http://[::1]:3128'])(
    'leads to no container by %s: refused where a setting says so, told where the shell does',
    loopback => {
      for (const target of ['docker', 'kubernetes']) {
        expect(() => egress({ target, httpsProxy: loopback })).toThrow(
          /knowledge-stack:httpsProxy is .*allowed is an address that containers reach/,
        )
      }
      const told = egress({ target: 'docker' }, { https_proxy: loopback })
      expect(told.proxy).toBeUndefined()
      expect(told.warning).toMatch(/https_proxy is http.*knowledge-stack:httpsProxy/)
      expect(egress({ target: 'local' }, { https_proxy: loopback }).proxy).toBe(loopback)
    },
  )

  it('takes an encrypted setting for one that only the program can read, and not for none', () => {
    const encrypted = egress({ httpsProxy: { secure: 'v1:abc' } })
    expect(encrypted).toMatchObject({ proxy: undefined })
    expect(encrypted.warning).toBeUndefined()
  })

  it.each([
    'http://ada:s3cret@127.0.0.1:3128',
    'ada:s3cret@127.0.0.1:3128',
    'ftp://ada:s3cret@proxy',
    'http://ada:s3cret@pro xy:3128',
    'ada:s3cret@pro xy:3128',
  ])('shows nobody the password of %s', httpsProxy => {
    expect(() => egress({ target: 'docker', httpsProxy })).toThrow(/httpsProxy is "\w+:\/\/…@/)
    expect(() => egress({ target: 'docker', httpsProxy })).not.toThrow('s3cret')
    const told = egress({ target: 'docker' }, { https_proxy: 'http://ada:s3cret@localhost:1' })
    expect(told.warning).not.toContain('s3cret')
  })

  it('names certificates from the folder of the project, or of the user', () => {
    const fileOf = (caCertificates: string) => egress({ caCertificates }).certificates
    expect(fileOf('certs/own.pem')).toEqual({ SSL_CERT_FILE: `${PROJECT_ROOT}/certs/own.pem` })
    expect(fileOf('~/own.pem')).toEqual({ SSL_CERT_FILE: '/home/ada/own.pem' })
    expect(fileOf('/own.pem')).toEqual({ SSL_CERT_FILE: '/own.pem' })
  })

  it('is refused before anything is made where the setting names no certificates', () => {
    for (const file of ['/nowhere/own.pem', `${PROJECT_ROOT}/package.json`]) {
      const { message, kind, mend } = refusalOf(() =>
        requireCertificates(egress({ caCertificates: file })),
      )
      expect({ kind, message }).toMatchObject({
        kind: 'misused',
        message: expect.stringContaining(`knowledge-stack:caCertificates names ${file}`),
      })
      expect(mend).toContain(file)
    }
    expect(() => requireCertificates(egress({}))).not.toThrow()
  })
})

describe('the variables that an Ollama pulls by', () => {
  it('name the proxy for https alone, since it would ask itself by the one for http', () => {
    expect(pullEnvironment(egress({ httpsProxy: PROXY }, { http_proxy: PROXY }))).toEqual({
      HTTPS_PROXY: PROXY,
      NO_PROXY: expect.stringContaining('localhost'),
    })
    expect(pullEnvironment(egress({}, { http_proxy: PROXY }))).toEqual({})
  })

  it.each(['http://ada:s3cret@proxy:1', 'http://:s3cret@proxy:1', 'http://t0ken@proxy:1'])(
    'keep it from logging its environment where there is a secret in it: %s',
    httpsProxy => {
      expect(pullEnvironment(egress({ httpsProxy })).OLLAMA_DEBUG).toBe('-1')
    },
  )
})
