import { describe, expect, it } from 'vitest'
import { Failure } from '../../../infra/failure.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { readPulumiProject, withConfig } from '../../support/docs/pulumi-schema.ts'

const ENV = { HOME: '/home/ada' }
const DEV = { embeddingModel: 'all-minilm', chatModel: 'smollm2:135m' }

const parse = (raw: Record<string, unknown>, env: NodeJS.ProcessEnv = ENV) =>
  parseSettings('dev', { ...DEV, ...raw }, env)

function failureOf(raw: Record<string, unknown>): Failure {
  try {
    parse(raw)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('settings', () => {
  it('have the defaults of Pulumi.yaml', () => {
    expect(parse({})).toMatchObject({
      target: 'local',
      chroma: { port: 8000, shards: 10, instances: 1, maxConnections: 10 },
      ollama: { port: 11_434, parallel: 1, kvCacheType: 'f16', keepAlive: '-1' },
      deployUnfit: false,
    })
  })

  it('are the same whether they come typed from YAML or as texts from Pulumi', () => {
    const own = { role: 'chat', contextLength: 2048, sizeBytes: 1 }
    const typed = { shards: 7, deployUnfit: true, keepAlive: '5m', models: { 'my:1b': own } }
    const texts = {
      shards: '7',
      deployUnfit: 'true',
      keepAlive: '5m',
      models: JSON.stringify(typed.models),
    }
    expect(parse(texts)).toEqual(parse(typed))
  })

  it.each([
    ['shards', 4, 'at least 5'],
    ['shards', 51, 'at most 50'],
    ['shards', 'many', 'a number'],
    ['shards', 7.5, 'a whole number'],
    ['chromaPort', 0, 'at least 1'],
    ['ollamaPort', 65_536, 'at most 65535'],
    ['instances', 0, 'at least 1'],
    ['target', 'cloud', 'local'],
    ['keepAlive', 'soon', 'duration'],
    ['kvCacheType', 'f64', 'q8_0'],
    ['contextLength', 8193, '8192'],
    ['contextLength', -1, 'at least 256'],
    ['embeddingModel', 'nobody/knows', 'all-minilm:latest'],
    ['embeddingModel', 'smollm2:135m', 'role is embedding'],
    ['chatModel', '', 'a text that is not empty'],
    ['modelMirror', 'ftp://host/library', 'http'],
    ['modelMirror', 'http://host/team/models', 'no further folder'],
    ['modelMirror', 'http://host/team.models', 'letters, digits, - and _'],
    ['modelMirror', 'http://ada:secret@host/team', 'no user'],
    ['modelMirror', 'http://host/team?tls=no', 'no query'],
    ['home', 'not/absolute', 'absolute'],
    ['httpsProxy', 'ftp://proxy.example.org', 'http://host:port'],
    ['httpsProxy', 3128, 'a text'],
    ['noProxy', ['example.org'], 'a text'],
    ['models', { broken: { role: 'chat', contextLength: 0 } }, 'at least 1'],
    ['models', { broken: { role: 'poet' } }, 'role'],
    ['ollamaPort', 8000, 'no other server'],
    ['apiPort', 11_434, 'no other server'],
    ['instances', 11, '10'],
    ['apiAddress', '::', 'IPv4'],
    ['apiAddress', 'knowledge.example.org', 'IPv4'],
    ['apiHosts', 'https://knowledge.example.org', 'names without port, comma-separated'],
    ['apiProxies', 'proxy.example.org', 'addresses and ranges, comma-separated'],
    ['apiProxies', '10.0.0.7, nowhere', 'addresses and ranges, comma-separated'],
    ['apiProxies', '10.0.0.7:443', 'addresses and ranges, comma-separated'],
    ['apiProxies', '10.0.0.0/33', 'addresses and ranges, comma-separated'],
    ['apiProxies', '10.0.0.7,', 'addresses and ranges, comma-separated'],
    ['apiProxies', '0.0.0.0/0', 'everybody would be believed'],
    ['apiProxies', '10.0.0.7,::/0', 'everybody would be believed'],
    ['maxRecordsPerCreator', 0, 'at least 1'],
    ['maxRecordsPerCreator', 1_000_000_001, 'at most 1000000000'],
    ['maxRecordsPerCreator', 'unlimited', 'a number'],
    ['maxMebibytesPerCreator', 0, 'at least 1'],
    ['maxMebibytesPerCreator', 1_000_001, 'at most 1000000'],
    ['maxMebibytesPerCreator', 0.5, 'a whole number'],
    ['kubernetes', { namespace: 'Knowledge' }, 'lower-case'],
    ['kubernetes', { pullFrom: '10.0.0.0/8' }, 'a list'],
    ['kubernetes', { pullFrom: ['10.0.0.7'] }, 'a range such as 10.0.0.0/16'],
    ['kubernetes', { pullFrom: ['models.example.org'] }, 'a range such as 10.0.0.0/16'],
    ['kubernetes', { pullFrom: ['0.0.0.0/0'] }, '169.254.0.0/16'],
    ['kubernetes', { pullFrom: ['::/0'] }, 'fe80::/10'],
    ['kubernetes', { pullFrom: ['169.254.169.254/32'] }, '169.254.0.0/16'],
    ['kubernetes', { pullFrom: ['169.0.0.0/8'] }, '169.254.0.0/16'],
    ['kubernetes', { pullFrom: ['fe80::1/128'] }, 'fe80::/10'],
    ['kubernetes', { pullFrom: ['127.0.0.0/8'] }, '127.0.0.0/8'],
    ['kubernetes', { pullFrom: ['100.100.100.200/32'] }, 'metadata of a cloud'],
    ['kubernetes', { clusterRanges: ['10.0.0.0/33'] }, 'a range such as 10.0.0.0/16'],
    ['kubernetes', { replicas: { api: 0 } }, 'at least 1'],
    ['kubernetes', { autoscaling: { api: { min: 3, max: 2 } } }, 'min must not be above max'],
    ['kubernetes', { ingress: { host: 'knowledge.example.org' } }, 'tlsSecret'],
    ['kubernetes', { storage: 'fast' }, 'storage'],
    ['backup', { to: 'archives' }, 'an absolute path of a folder, or s3://BUCKET/PREFIX'],
    ['backup', { to: 's3://' }, 's3://BUCKET/PREFIX'],
    ['backup', { schedule: '@daily' }, 's3://BUCKET/PREFIX'],
    ['backup', { to: '/backups', schedule: 'at night' }, 'five fields as cron takes them'],
    ['backup', { to: '/backups', schedule: '0 3 * *' }, 'five fields as cron takes them'],
    ['backup', { to: '/backups', schedule: '60 3 * * *' }, 'five fields as cron takes them'],
    ['backup', { to: '/backups', schedule: '0 0 3 * * *' }, 'five fields as cron takes them'],
    ['backup', { to: '/backups', schedule: '0 3 L * *' }, 'five fields as cron takes them'],
    ['backup', { to: '/backups', schedule: '0 3 * * MON#2' }, 'five fields as cron takes them'],
    ['backup', { to: '/backups', timeZone: 'Mars/Olympus' }, 'Europe/Berlin'],
    ['backup', { to: '/backups', keep: 0 }, 'at least 1'],
    ['backup', { to: '/backups', recipients: ['AGE-SECRET-KEY-1Q'] }, 'a public key of age'],
    ['backup', { to: 's3://archives', endpoint: 'minio:9000' }, 'https://minio.example:9000'],
    ['backup', { to: 's3://archives', ranges: ['169.254.0.0/16'] }, '169.254.0.0/16'],
    ['backup', { to: '/backups', every: 'day' }, 'every'],
  ])('refuse %s = %j and say what is allowed', (key, value, allowed) => {
    const failure = failureOf({ [key]: value })
    expect(failure.exitCode).toBe(2)
    expect(failure.text).toContain(`knowledge-stack:${key}`)
    expect(failure.text).toContain(allowed)
    expect(failure.mend).toContain('Pulumi.dev.yaml')
  })

  it.each(['0 3 * * *', '*/15 0-6,22 1,15 jan-mar MON-FRI', '@daily'])(
    'take %s for when backups are taken',
    schedule => {
      const backup = { to: '/backups', schedule }
      expect(parse({ backup }).backup).toMatchObject({ ...backup, timeZone: 'Etc/UTC' })
      expect(parse({}).backup).toBeUndefined()
      // As Pulumi hands over what is not set.
      expect(parse({ backup: '{}' }).backup).toBeUndefined()
    },
  )

  it('have a cluster take backups only where it can put them', () => {
    const refused = (backup: object) =>
      failureOf({ target: 'kubernetes', backup: { schedule: '@daily', ...backup } }).text
    expect(refused({ to: '/backups' })).toContain('a folder of a pod goes with it')
    expect(refused({ to: 's3://archives' })).toContain('AWS_SECRET_ACCESS_KEY')
    const byHand = { to: '/backups' }
    expect(parse({ target: 'kubernetes', backup: byHand }).backup).toMatchObject(byHand)
  })

  it("have a namespace of the stack's own, which is refused where a cluster would", () => {
    expect(parse({ target: 'kubernetes' }).kubernetes.namespace).toBe('knowledge-stack-dev')
    const named = { target: 'kubernetes', kubernetes: { namespace: 'tenants' } }
    expect(parse(named).kubernetes.namespace).toBe('tenants')
    const parsed = () => parseSettings('my_stack', { ...DEV, target: 'kubernetes' }, ENV)
    expect(parsed).toThrow(/kubernetes\.namespace is "knowledge-stack-my_stack"; .*lower-case/)
    expect(() => parseSettings('my_stack', DEV, ENV)).not.toThrow()
  })

  it('refuse an unknown setting', () => {
    expect(failureOf({ shard: 10 }).text).toMatch(
      /knowledge-stack:shard is an unknown setting; did you mean shards\?/,
    )
  })

  it.each([
    ['/data/ks', {}, '/data/ks'],
    ['~/ks', {}, '/home/ada/ks'],
    ['', {}, '/home/ada/.local/share/knowledge-stack/dev'],
    ['', { XDG_DATA_HOME: '/xdg' }, '/xdg/knowledge-stack/dev'],
    ['', { KNOWLEDGE_STACK_HOME: '/all' }, '/all/dev'],
  ])('put the stack with home %j and %j into %s', (home, env, expected) => {
    expect(parse({ home }, { ...ENV, ...env }).home).toBe(expected)
  })

  it('let a stack define a model of its own, which comes before the catalog', () => {
    const models = {
      'smollm2:135m': {
        role: 'chat',
        contextLength: 1024,
        sizeBytes: 5,
        sources: [{ kind: 'folder', path: '/m' }],
      },
    }
    const chat = parse({ models, contextLength: 512 }).models[1]
    expect(chat?.definition).toMatchObject({
      contextLength: 1024,
      sources: [{ kind: 'folder', path: '/m' }],
    })
  })

  it('serve an embedding model with the context it was trained for, and a chat model with the planned one', () => {
    expect(parse({ contextLength: 1024 }).models.map(model => model.contextLength)).toEqual([
      512, 1024,
    ])
  })
})

describe('Pulumi.yaml', () => {
  it('declares the settings as the schema has them; npm run readme writes it', async () => {
    const written = await readPulumiProject()
    expect(written).toBe(withConfig(written))
  })
})
