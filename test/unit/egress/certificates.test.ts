import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { certificateVariables } from '../../../provision/egress/certificate-variables.mjs'

const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`

describe('the certificates that the environment names', () => {
  let folder: string
  let file: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'certificates-'))
    file = join(folder, 'own.pem')
    await writeFile(file, `# mine\n${pem('b3du')}\n`)
    await mkdir(join(folder, 'more'))
    await writeFile(join(folder, 'more', 'one.crt'), `${pem('bW9yZQ==')}\n`)
  })
  afterAll(() => rm(folder, { recursive: true }))

  const variables = (env: NodeJS.ProcessEnv) =>
    certificateVariables({ KNOWLEDGE_STACK_CACHE: folder, ...env })

  it.each([
    ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'],
    ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'],
  ])('by %s are named by %s too, and with all public ones for pip', async (name, other) => {
    const made = variables({ [name]: file })
    expect(made).toEqual({ [other]: file, REQUESTS_CA_BUNDLE: expect.stringContaining(folder) })
    const bundle = await readFile(made.REQUESTS_CA_BUNDLE!, 'utf8')
    expect(bundle).toContain(pem('b3du'))
    for (const root of rootCertificates) expect(bundle).toContain(root)
  })

  it('in a folder are brought together for those who read none', async () => {
    const made = variables({ SSL_CERT_DIR: `${join(folder, 'more')}:/nowhere` })
    expect(made.NODE_EXTRA_CA_CERTS).toBe(made.REQUESTS_CA_BUNDLE)
    expect(made).not.toHaveProperty('SSL_CERT_FILE')
    expect(await readFile(made.NODE_EXTRA_CA_CERTS!, 'utf8')).toContain(pem('bW9yZQ=='))
  })

  it('leave what is set as it is', () => {
    const env = { NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: '/another.pem', CURL_CA_BUNDLE: '/c' }
    expect(variables(env)).toEqual({})
    expect(variables({})).toEqual({})
  })
})
