import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engineHost, followDocker } from '../../../provision/docker/docker-host.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-config-'))
  await makeContext('colima', 'unix:///home/ada/.colima/default/docker.sock')
  await makeContext('rack', 'tcp://rack.example:2376')
  await mkdir(certificates('rack'), { recursive: true })
})
afterAll(() => rm(folder, { recursive: true }))

const DEFAULT = 'unix:///var/run/docker.sock'
const COLIMA = 'unix:///home/ada/.colima/default/docker.sock'

describe('the Engine that the commands ask is the one of Docker’s own command line:', () => {
  it.each([
    ['the usual one', undefined, {}, DEFAULT],
    ['the current context’s', 'colima', {}, COLIMA],
    ['the usual one for the default context', 'default', {}, DEFAULT],
    ['that of DOCKER_CONTEXT before the current one', 'rack', { DOCKER_CONTEXT: 'colima' }, COLIMA],
    [
      'that of DOCKER_HOST before all',
      'rack',
      { DOCKER_HOST: 'unix:///a', DOCKER_CONTEXT: 'colima' },
      'unix:///a',
    ],
  ])('%s', async (_, current, given, expected) => {
    const env = await environment(current, given)
    followDocker(env)
    expect(engineHost(env)).toBe(expected)
    // What the provider is given says the same: it lets a context go before a host.
    expect(env).not.toHaveProperty('DOCKER_CONTEXT')
    expect(env.DOCKER_HOST ?? DEFAULT).toBe(expected)
  })

  it('with the certificates of its context', async () => {
    const env = await environment('rack')
    followDocker(env)
    expect(env).toMatchObject({ DOCKER_CERT_PATH: certificates('rack'), DOCKER_TLS_VERIFY: '1' })
  })

  it.each([
    ['the current context', 'gone', {}],
    ['DOCKER_CONTEXT', 'colima', { DOCKER_CONTEXT: 'gone' }],
  ])('and none when there is no such context as %s names', async (_, current, given) => {
    const env = await environment(current, given)
    followDocker(env)
    expect(() => engineHost(env)).toThrow('The Docker context gone is not in')
  })
})

it('A plain pulumi asks the Engine that its Docker provider asks, which goes by DOCKER_CONTEXT first', async () => {
  const of = async (given: NodeJS.ProcessEnv) => engineHost(await environment('rack', given))
  expect(await of({ DOCKER_HOST: 'unix:///a', DOCKER_CONTEXT: 'colima' })).toBe(COLIMA)
  expect(await of({ DOCKER_HOST: 'unix:///a' })).toBe('unix:///a')
  expect(await of({})).toBe(DEFAULT)
})

async function environment(
  currentContext: string | undefined,
  given: NodeJS.ProcessEnv = {},
): Promise<NodeJS.ProcessEnv> {
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: {}, currentContext }))
  return { DOCKER_CONFIG: folder, ...given }
}

const idOf = (name: string) => createHash('sha256').update(name).digest('hex')
const certificates = (name: string) => join(folder, 'contexts', 'tls', idOf(name), 'docker')

async function makeContext(Name: string, Host: string): Promise<void> {
  const meta = join(folder, 'contexts', 'meta', idOf(Name))
  await mkdir(meta, { recursive: true })
  const content = { Name, Metadata: {}, Endpoints: { docker: { Host, SkipTLSVerify: false } } }
  await writeFile(join(meta, 'meta.json'), JSON.stringify(content))
}
