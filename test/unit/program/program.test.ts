import * as pulumi from '@pulumi/pulumi'
import { beforeAll, describe, expect, it } from 'vitest'
import { revealed, SECRET_MARK } from '../../../provision/provider/secret-values.ts'

/** What the program asked the engine for, by the resource's name. */
const resources = new Map<string, pulumi.runtime.MockResourceArgs>()

const CONFIG = {
  home: '/srv/knowledge',
  embeddingModel: 'all-minilm',
  chatModel: 'smollm2:135m',
  contextLength: '2048',
  parallel: '2',
  kvCacheType: 'q8_0',
  keepAlive: '30m',
  shards: '6',
  instances: '2',
  chromaPort: '9000',
  ollamaPort: '9100',
  apiPort: '9200',
  apiHosts: 'knowledge.example.org',
  apiProxies: '127.0.0.1',
  apiRequestsPerMinute: '77',
  modelMirror: 'http://127.0.0.1:5000/models',
  httpsProxy: 'http://ada:s3cret@127.0.0.1:3128',
}

let outputs: Record<string, unknown>

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource(args) {
        resources.set(args.name, args)
        return {
          id: `${args.name}-id`,
          state: { ...args.inputs, identity: `${args.name} runs`, digest: 'd', servesDigest: 's' },
        }
      },
      call: () => ({}),
    },
    'knowledge-stack',
    'dev',
    false,
    'organization',
  )
  for (const [key, value] of Object.entries(CONFIG))
    pulumi.runtime.setConfig(`knowledge-stack:${key}`, value)
  const program = await import('../../../provision/pulumi-program.ts')
  outputs = await settled(program)
})

async function settled(program: object): Promise<Record<string, unknown>> {
  const entries = Object.entries<pulumi.Output<unknown>>({ ...program }).map(
    ([name, output]) =>
      new Promise<[string, unknown]>(resolve => {
        output.apply(value => resolve([name, value]))
      }),
  )
  return Object.fromEntries(await Promise.all(entries))
}

describe('the program of a local stack', () => {
  it('starts each server with what the settings say, from Pulumi.yaml to the process', () => {
    expect(revealed(resources.get('dev-ollama')?.inputs)).toMatchObject({
      program: 'ollama',
      arguments: ['serve'],
      port: 9100,
      environment: {
        OLLAMA_HOST: '127.0.0.1:9100',
        OLLAMA_MODELS: '/srv/knowledge/models',
        OLLAMA_CONTEXT_LENGTH: '2048',
        OLLAMA_NUM_PARALLEL: '2',
        OLLAMA_KV_CACHE_TYPE: 'q8_0',
        OLLAMA_FLASH_ATTENTION: '1',
        OLLAMA_KEEP_ALIVE: '30m',
        OLLAMA_MAX_LOADED_MODELS: '2',
      },
    })
  })

  it('has Ollama pull through the proxy, whose URL is a secret, and tells no other server of it', () => {
    const { environment } = resources.get('dev-ollama')!.inputs
    expect(revealed(environment)).toMatchObject({
      HTTPS_PROXY: CONFIG.httpsProxy,
      NO_PROXY: expect.stringContaining('localhost,127.0.0.1'),
    })
    expect(environment).toHaveProperty(SECRET_MARK)
    for (const [name, { inputs }] of resources) {
      if (name !== 'dev-ollama') expect(JSON.stringify(inputs)).not.toContain('s3cret')
    }
  })

  it('gives every Chroma server a port, a folder and a configuration of its own, on loopback', () => {
    for (const [index, port] of [9000, 9001].entries()) {
      const inputs = resources.get(`dev-chroma-${index}`)?.inputs
      expect(inputs).toMatchObject({
        program: 'chroma',
        port,
        folders: [`/srv/knowledge/chroma/${index}`],
      })
      expect(inputs?.files[`/srv/knowledge/state/chroma-${index}.yaml`]).toMatch(
        new RegExp(
          `port: ${port}\\nlisten_address: 127.0.0.1\\npersist_path: /srv/knowledge/chroma/${index}\\nallow_reset: false`,
        ),
      )
    }
  })

  it('asks for each model with its context pinned, from the mirror first', () => {
    expect(resources.get('smollm2:135m')?.inputs).toMatchObject({
      serves: 'smollm2:135m-ctx2048',
      contextLength: 2048,
      mirror: { host: '127.0.0.1:5000', namespace: 'models', insecure: true },
      ollama: { url: 'http://127.0.0.1:9100', modelsFolder: '/srv/knowledge/models' },
    })
    expect(resources.get('all-minilm:latest')?.inputs).toMatchObject({
      serves: 'all-minilm:latest-ctx512',
    })
  })

  it('starts the API on what the outputs say, with the path of its keys and never a key', async () => {
    const inputs = resources.get('dev-api')?.inputs
    expect(inputs).toMatchObject({
      program: 'api',
      port: 9200,
      keyFile: '/srv/knowledge/state/api-keys.json',
      environment: {
        KNOWLEDGE_API_PORT: '9200',
        KNOWLEDGE_API_HOSTS: 'knowledge.example.org',
        KNOWLEDGE_API_PROXIES: '127.0.0.1',
        KNOWLEDGE_API_REQUESTS_PER_MINUTE: '77',
        KNOWLEDGE_API_LOOPBACK: 'false',
        KNOWLEDGE_API_OUTPUTS: '/srv/knowledge/state/outputs.json',
      },
    })
    expect(JSON.parse(inputs?.files['/srv/knowledge/state/outputs.json'])).toMatchObject({
      stack: 'dev',
      models: [{ digest: 'd' }, { digest: 'd' }],
    })
  })

  it('verifies again when a server is another; the API is seen to answer by its own resource', () => {
    expect(resources.get('verification')?.inputs.triggers).toEqual([
      'dev-chroma-0 runs',
      'dev-chroma-1 runs',
      'dev-ollama runs',
    ])
  })

  it('hands on outputs that are the seam, to its caller and to the verification alike', async () => {
    const { Outputs } = await import('../../../infra/outputs.ts')
    const parsed = Outputs.parse(outputs)
    for (const { planned } of parsed.models) {
      expect(planned).toEqual({ host: expect.any(Number), gpu: expect.any(Number) })
    }
    // The plan may become surer between two updates that change nothing.
    const models = parsed.models.map(({ planned, ...model }) => model)
    expect(resources.get('verification')?.inputs.deployment).toEqual({ ...parsed, models })
    expect(parsed.ollama[0].record).toBe('/srv/knowledge/processes/ollama.json')
    expect(parsed.chroma).toMatchObject({ shards: 6, shardMap: [0, 1, 0, 1, 0, 1], generation: 1 })
  })
})
