import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import * as pulumi from '@pulumi/pulumi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GPU_RESOURCE } from '../../../infra/capacity/hardware/hardware.ts'
import { planStack, type StackPlan } from '../../../infra/capacity/stack-plan.ts'
import type { Resources } from '../../../infra/capacity/workload.ts'
import { gpusOf } from '../../../infra/docker/container-limits.ts'
import { parseSettings } from '../../../infra/settings/parse-settings.ts'
import { GiB, MiB } from '../../../infra/units.ts'
import { revealed, SECRET_MARK } from '../../../provision/provider/secret-values.ts'
import { machineOf, stackDemand } from '../../support/stack/demand.ts'
import { effectsOf } from '../../support/stack/effects.ts'

const CONTAINER = 'docker:index/container:Container'
const TOKENS = { chroma: 'c0'.repeat(32), ollama: 'a1'.repeat(32), provisioner: 'b2'.repeat(32) }

/** What the program asked the engine for, by type and name. */
const resources = new Map<string, pulumi.runtime.MockResourceArgs>()
const inputsOf = (name: string) => resources.get(`${CONTAINER} ${name}`)?.inputs

let plan: StackPlan
let outputs: unknown
let folder: string

const PROXY = 'http://ada:s3cret@proxy.example.org:3128'
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nb3du\n-----END CERTIFICATE-----'

const config = (more: object = {}) => ({
  target: 'docker',
  home: '/srv/knowledge',
  embeddingModel: 'nomic-embed-text',
  chatModel: 'llama3.2:3b',
  contextLength: '8192',
  creators: '1000',
  chunksPerCreator: '3',
  chromaPort: '9000',
  ollamaPort: '9100',
  apiPort: '9200',
  apiRequestsPerMinute: '77',
  ...more,
})

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource(args) {
        resources.set(`${args.type} ${args.name}`, args)
        const made = { tokens: TOKENS, apiKeys: '{}', imageId: `${args.name}-image`, digest: 'd' }
        return { id: `${args.name}-id`, state: { ...args.inputs, ...made } }
      },
      call: () => ({}),
    },
    'knowledge-stack',
    'docker',
  )
  const { deploy } = await import('../../../infra/program.ts')
  const gpu = { product: 'NVIDIA L4', memory: 22 * GiB, resource: GPU_RESOURCE }
  plan = planStack({ ...stackDemand('llama3.2:3b'), authProxies: true }, [
    machineOf(32, { gpus: [gpu] }),
  ])
  folder = await mkdtemp(join(tmpdir(), 'certificates-'))
  const caCertificates = join(folder, 'own.pem')
  await writeFile(caCertificates, [CERTIFICATE, rootCertificates[0]].join('\n'))
  const egress = { httpsProxy: PROXY, noProxy: 'shop.example.org', caCertificates }
  const deployed = await deploy(
    parseSettings('docker', config(egress)),
    effectsOf(async () => ({ plan })),
  )
  outputs = await new Promise(resolve => deployed.outputs.apply(resolve))
  await pulumi.runtime.disconnect()
})

afterAll(() => rm(folder, { recursive: true }))

const gpuRequest = (...deviceIds: string[]) => ({
  driver: 'nvidia',
  deviceIds,
  capabilities: ['gpu'],
})

describe('the program of a stack of containers', () => {
  it('has Ollama pull through the proxy, whose URL is a secret, and trust the certificates', () => {
    const { envs, uploads, readOnly } = inputsOf('docker-ollama-gpu')!
    expect(envs).toHaveProperty(SECRET_MARK)
    expect(revealed(envs)).toEqual(
      expect.arrayContaining([
        `HTTPS_PROXY=${PROXY}`,
        expect.stringMatching(/^NO_PROXY=shop\.example\.org,localhost,127\.0\.0\.1,/),
        'SSL_CERT_DIR=/etc/ssl/certs:/etc/knowledge/certificates',
      ]),
    )
    // Those that everybody trusts are in the image.
    expect(uploads).toEqual([
      { file: '/etc/knowledge/certificates/own.pem', content: `${CERTIFICATE}\n` },
    ])
    // The Engine puts no file into a root that cannot be written.
    expect(readOnly).not.toBe(true)
  })

  it('has its own image built by them, and tells no other container', () => {
    const image = resources.get('docker:index/image:Image docker-api')!.inputs.build
    expect(image).toHaveProperty(SECRET_MARK)
    expect(revealed(image).args).toMatchObject({
      HTTPS_PROXY: PROXY,
      NO_PROXY: expect.stringContaining('shop.example.org'),
      CERTIFICATES: `${CERTIFICATE}\n`,
    })
    for (const [name, { inputs }] of resources) {
      if (/ollama-gpu$|docker-api$/.test(name)) continue
      expect(JSON.stringify(inputs)).not.toMatch(/s3cret|proxy\.example|b3du/)
    }
    expect(JSON.stringify(inputsOf('docker-api'))).not.toMatch(/s3cret|b3du/)
  })

  it('puts each server into the network namespace of its auth proxy, without a port of its own', () => {
    for (const part of ['chroma-0', 'ollama-gpu']) {
      const server = inputsOf(`docker-${part}`)
      expect(server?.networkMode).toBe(`container:docker-${part}-front-id`)
      expect(server?.ports).toBeUndefined()
      expect(server?.networksAdvanced).toBeUndefined()
    }
  })

  it('runs Chroma under the watchdog of its disk, which tells the auth proxy in memory that they share', () => {
    const chroma = inputsOf('docker-chroma-0')
    const [, script, data] = chroma?.entrypoints ?? []
    expect(data).toBe(chroma?.volumes[0].containerPath)
    const uploaded = chroma?.uploads.map(({ file }: { file: string }) => file)
    expect(uploaded).toContain(script)
    const front = inputsOf('docker-chroma-0-front')
    const [told] = chroma?.envs ?? []
    expect(front?.uploads[0].content).toContain(`if (!-f ${told.split('=')[1]})`)
    expect([front?.ipcMode, chroma?.ipcMode]).toEqual([
      'shareable',
      'container:docker-chroma-0-front-id',
    ])
  })

  it('publishes auth proxies and API on loopback', () => {
    const published = [...resources.values()].flatMap(({ inputs }) => inputs.ports ?? [])
    expect(published.sort((a, b) => a.external - b.external)).toEqual([
      { internal: 8000, external: 9000, ip: '127.0.0.1' },
      { internal: 11_434, external: 9100, ip: '127.0.0.1' },
      { internal: 9200, external: 9200, ip: '127.0.0.1' },
    ])
  })

  it('gives servers and auth proxies what the plan does, and the GPU to the pool that has it', () => {
    for (const [part, name] of [
      ['chroma-0', 'chroma'],
      ['ollama-gpu', 'ollama-gpu'],
    ] as const) {
      const { server, front } = plan.workloads.find(workload => workload.name === name)!
      const mebibytes = Math.ceil(server.limits.memory / MiB)
      const cores = Math.min(server.limits.cpu, cpus().length)
      expect(inputsOf(`docker-${part}`)).toMatchObject({
        memory: mebibytes,
        memorySwap: mebibytes,
        cpuPeriod: 100_000,
        cpuQuota: Math.round(cores * 100_000),
      })
      const ofFront = Math.ceil(front!.limits.memory / MiB)
      expect(inputsOf(`docker-${part}-front`)).toMatchObject({ memory: ofFront })
    }
    expect(inputsOf('docker-ollama-gpu')?.deviceRequests).toEqual([gpuRequest('0')])
    expect(inputsOf('docker-chroma-0')?.deviceRequests).toBeUndefined()
  })

  it('gives each pool GPUs of its own, by their numbers', () => {
    const pools = [2, 0, 1].map(count => ({ limits: { gpu: { count } } as Resources }))
    expect(gpusOf(pools)).toEqual([[gpuRequest('0', '1')], undefined, [gpuRequest('2')]])
  })

  it('names volumes so that a stack that comes back finds them again', () => {
    const volumes = [...resources.values()].filter(({ type }) => type.includes('volume'))
    expect(volumes.map(({ inputs }) => inputs.name).sort()).toEqual([
      'knowledge-stack-docker-chroma-0',
      'knowledge-stack-docker-ollama-gpu',
    ])
    expect(inputsOf('docker-chroma-0')?.volumes[0].containerPath).toBe('/data')
    expect(inputsOf('docker-ollama-gpu')?.volumes[0].containerPath).toBe('/root/.ollama')
  })

  it('hands tokens on as files of the containers and never in arguments or environments', () => {
    for (const { inputs } of resources.values()) {
      const { uploads: _, deployment: __, ollama: ___, ...rest } = inputs
      for (const token of Object.values(TOKENS)) expect(JSON.stringify(rest)).not.toContain(token)
    }
    const [front] = inputsOf('docker-chroma-0-front')?.uploads ?? []
    expect(front).toMatchObject({ owner: '101', permissions: '0400' })
    expect(front.content).toContain(TOKENS.chroma)
  })

  it('tells the API of its stack, and that its own address is the loopback of the host', () => {
    expect(inputsOf('docker-api')?.envs).toEqual(
      expect.arrayContaining([
        'KNOWLEDGE_API_HOST=0.0.0.0',
        'KNOWLEDGE_API_HOSTS=api,',
        'KNOWLEDGE_API_PROXIES=',
        'KNOWLEDGE_API_REQUESTS_PER_MINUTE=77',
        'KNOWLEDGE_API_LOOPBACK=true',
      ]),
    )
  })

  it('tells the API where servers are within its network, and nothing of the provisioner', () => {
    const [file] = inputsOf('docker-api')?.uploads ?? []
    const { chroma, ollama } = JSON.parse(file.content)
    expect(chroma.instances[0].reach).toEqual({
      kind: 'direct',
      url: 'http://chroma-0:8000',
      token: TOKENS.chroma,
    })
    expect(ollama[0].reach).toMatchObject({ url: 'http://ollama-gpu:11434', token: TOKENS.ollama })
    expect(JSON.stringify(inputsOf('docker-api'))).not.toContain(TOKENS.provisioner)
  })

  it('pulls models with the token of the provisioner, into the pool that they were planned for', () => {
    const model = resources.get('knowledge:index:Model llama3.2:3b')?.inputs
    expect(model?.ollama).toEqual({ url: 'http://127.0.0.1:9100', token: TOKENS.provisioner })
    expect(outputs).toMatchObject({
      target: 'docker',
      ollama: [{ pool: 'gpu', reach: { url: 'http://127.0.0.1:9100', token: TOKENS.ollama } }],
      models: [{ pool: 'gpu' }, { pool: 'gpu' }],
    })
  })
})
