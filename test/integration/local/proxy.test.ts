import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ollamaProcess } from '../../../infra/local/ollama-process.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { provisionModel } from '../../../provision/models/provision-model.ts'
import { requestFor } from '../../support/models/model-request.ts'
import {
  MODELS_HOST,
  type ModelsBehindProxy,
  modelsBehindProxy,
  PROXY_PASSWORD,
} from '../../support/models/models-behind-proxy.ts'
import { recordingTask } from '../../support/recording-task.ts'
import { startOllama } from '../../support/servers/ollama.ts'
import { openssl } from '../../support/toolchain/own-ca.ts'

/** What this machine itself may be configured with; `npm test` hands npm's own configuration on as npm_config_*. */
const OTHERS =
  /^((https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|PIP_\w+|(REQUESTS|CURL)_CA_BUNDLE|NODE_USE_\w+|npm_config_\w+)$/i
const otherwise = Object.fromEntries(
  Object.entries(process.env).filter(([variable]) => !OTHERS.test(variable)),
)

/** A registry whose name only the proxy can resolve, with a certificate that only its owner trusts. */
describe.skipIf(openssl === undefined)("behind a proxy, with a CA of one's own", () => {
  let folder: string
  let there: ModelsBehindProxy
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'proxy-'))
    there = await modelsBehindProxy({ folder })
  })
  afterAll(async () => {
    await there?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const settings = (raw: Record<string, unknown>, env: NodeJS.ProcessEnv) =>
    parseSettings('dev', { embeddingModel: 'all-minilm', chatModel: 'smollm2:135m', ...raw }, env)

  it.each([
    [
      'the settings',
      () => settings({ httpsProxy: there.proxy.url, caCertificates: there.certificate }, {}),
    ],
    [
      'the environment',
      () => settings({}, { https_proxy: there.proxy.url, NODE_EXTRA_CA_CERTS: there.certificate }),
    ],
  ])('Ollama pulls as %s say, and logs no password', async (_, parsed) => {
    const { HTTPS_PROXY, NO_PROXY, OLLAMA_DEBUG, ...more } = ollamaProcess(parsed()).environment
    const { SSL_CERT_FILE } = more
    const env = { HTTPS_PROXY, NO_PROXY, OLLAMA_DEBUG, SSL_CERT_FILE, SSL_CERT_DIR: '' }
    let log = ''
    const server = await startOllama({
      env: env as Record<string, string>,
      onLog: text => {
        log += text
      },
    })
    try {
      const locks = { tracked: {}, recorded: {}, recordFile: join(folder, 'lock.json') }
      const mirror = { host: MODELS_HOST, namespace: 'library' }
      const request = requestFor('nomic-embed-text', { mirror })
      const { source } = await provisionModel(request, server, locks, recordingTask().task)
      expect(source).toBe(`mirror ${MODELS_HOST}/library`)
    } finally {
      await server.stop()
    }
    expect(there.proxy.asked).toContain(`${MODELS_HOST}:443`)
    expect(log).not.toContain(PROXY_PASSWORD)
  })

  /** Whatever it is that they are told that is not there, they have asked the server that shows the certificate. */
  const REFUSED = [
    ['Node', ['node', '-e', `fetch('https://${MODELS_HOST}/node')`], '/node'],
    ['npm', ['npm', 'view', 'tiny', '--registry', `https://${MODELS_HOST}/npm/`], '/npm/tiny'],
    [
      'pip',
      ['python3', '-m', 'pip', 'download', '--index-url', `https://${MODELS_HOST}/pip/`, 'tiny'],
      '/pip/tiny/',
    ],
    ['Go', ['go', 'list', '-m', 'example.org/tiny@v1.0.0'], '/go/example.org/tiny/@v/v1.0.0.info'],
  ] as const
  const NAMES = ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'] as const
  it.each(REFUSED.flatMap(([tool, argv, path]) => NAMES.map(name => ({ tool, argv, path, name }))))(
    '$tool downloads by it where $name names the CA',
    async ({ argv, path, name }) => {
      there.registry.asked.length = 0
      const env = {
        ...otherwise,
        https_proxy: there.proxy.url,
        [name]: there.certificate,
        KNOWLEDGE_STACK_CACHE: folder,
        npm_config_cache: join(folder, 'npm'),
        npm_config_fetch_retries: '0',
        PIP_RETRIES: '0',
        GOPROXY: `https://${MODELS_HOST}/go`,
        GOSUMDB: 'off',
        GOFLAGS: '-mod=mod',
      }
      const bootstrap = join(PROJECT_ROOT, 'provision/bootstrap.mjs')
      const said = await new Promise<string>(resolve => {
        const run = ['--run', ...argv]
        execFile(process.execPath, [bootstrap, ...run], { env, cwd: folder }, (_, out, err) =>
          resolve(out + err),
        )
      })
      expect({ asked: there.registry.asked, said }).toMatchObject({
        asked: expect.arrayContaining([path]),
      })
    },
  )
})

it('a proxy that is no URL is refused by the name of its variable, before anything is run', async () => {
  const env = { ...otherwise, https_proxy: 'ftp://ada:s3cret@proxy.example.org' }
  const bootstrap = join(PROJECT_ROOT, 'provision/bootstrap.mjs')
  for (const args of [
    [bootstrap, 'status'],
    [join(PROJECT_ROOT, 'provision/cli.ts'), 'status'],
  ]) {
    const { code, said } = await new Promise<{ code: unknown; said: string }>(resolve => {
      execFile(process.execPath, args, { env }, (error, out, err) =>
        resolve({ code: error?.code, said: out + err }),
      )
    })
    expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining('https_proxy is ') })
    expect(said).not.toMatch(/s3cret|\n\s+at /)
  }
})
