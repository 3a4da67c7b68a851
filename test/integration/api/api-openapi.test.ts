import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LANES } from '../../../checks/api/traffic/limits.ts'
import { TestApi } from '../../support/api/api.ts'
import { fuzz } from '../../support/api/schemathesis.ts'
import { casesOf, SEED } from '../../support/searches.ts'
import { startTinyDeployment, type TinyDeployment } from '../../support/store/tiny-deployment.ts'
import { whyNoPython } from '../../support/toolchain/python.ts'

const CASES = casesOf('requests made up from the schema, for each operation')

const AI = '/api/v1/ai'
const CREATOR = '/api/v1/creators/{creator}'

describe('the OpenAPI document', () => {
  let tiny: TinyDeployment
  let api: TestApi
  let source: string
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fuzz-'))
    tiny = await startTinyDeployment()
    const limits = { lanes: LANES, requestsPerMinute: 1e9 }
    api = await TestApi.start(tiny.outputs, { limits })
    source = JSON.stringify((await api.call('GET', '/openapi.json')).body)
  })
  afterAll(async () => {
    await api?.stop()
    await tiny?.stop()
    await rm(folder, { recursive: true })
  })

  it('is of version 3.1 and has every route', () => {
    const { openapi, paths } = JSON.parse(source)
    expect(openapi).toMatch(/^3\.1\./)
    const routes = Object.entries<object>(paths).map(([path, operations]) => [
      path,
      Object.keys(operations).toSorted().join(),
    ])
    expect(Object.fromEntries(routes)).toEqual({
      '/healthz': 'get',
      '/readyz': 'get',
      [`${AI}/stack`]: 'get',
      [`${AI}/chromadb/health`]: 'get',
      [`${AI}/chromadb/stats`]: 'get',
      [`${AI}/ollama/health`]: 'get',
      [`${AI}/ollama/test-embedding`]: 'post',
      [`${AI}/ollama/test-chat`]: 'post',
      [`${AI}/models/status`]: 'get',
      [`${AI}/models/reload`]: 'post',
      [CREATOR]: 'delete',
      [`${CREATOR}/documents`]: 'get',
      [`${CREATOR}/documents/{document}`]: 'delete,get,put',
      [`${CREATOR}/export`]: 'get',
      [`${CREATOR}/query`]: 'post',
      [`${CREATOR}/usage`]: 'get',
    })
  })

  it('passes the linter', async () => {
    const config = await createConfig({
      extends: ['recommended-strict'],
      // Health takes nothing that a caller could get wrong.
      rules: { 'operation-4xx-response': 'off' },
    })
    const problems = await lintFromString({ source, config })
    expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
  })

  it('asks for a token wherever there is something of a creator’s', () => {
    const { paths } = JSON.parse(source)
    for (const [path, operations] of Object.entries<object>(paths)) {
      for (const operation of Object.values(operations)) {
        const own = path.startsWith(CREATOR) ? [{ bearer: ['creator'] }] : []
        const isGuarded = own.length > 0 || path.endsWith('/reload')
        const security = isGuarded ? [...own, { bearer: ['service'] }] : undefined
        expect(operation.security, path).toEqual(security)
      }
    }
  })

  it('keeps its word: a fuzzer finds no 5xx but 503, and no answer that is not in it', async context => {
    const why = await whyNoPython()
    if (why !== undefined) return context.skip(why)
    await writeFile(
      join(folder, 'schemathesis.toml'),
      '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503]\n',
    )
    const checks = [
      'not_a_server_error',
      'status_code_conformance',
      'content_type_conformance',
      'response_schema_conformance',
      'ignored_auth',
      'use_after_free',
    ]
    const token = `Authorization: Bearer ${await api.serviceToken()}`
    const said = await fuzz(
      [
        'run',
        `${api.url}/openapi.json`,
        ...[
          '--header',
          token,
          '--checks',
          checks.join(),
          // By default a request that takes longer than 10 s is an error of the network.
          '--request-timeout',
          '600',
          '--max-examples',
          `${CASES}`,
          '--seed',
          `${SEED}`,
        ],
        ...['--suppress-health-check', 'all', '--continue-on-failure', '--no-color'],
      ],
      folder,
    )
    expect(said).toMatch(/Tested: 18\b/)
  })
})
