import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ollama } from 'ollama'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readMarked } from '../../../infra/failure.ts'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import type { SidecarConfig } from '../../../provision/model-sidecar/sidecar-config.ts'
import { type MirrorServer, serveMirror } from '../../../provision/models/model-mirror.ts'
import { kubernetesObjects, objectOf } from '../../support/kubernetes/kubernetes-objects.ts'
import { storeTinyModels } from '../../support/models/tiny-models.ts'
import { type RunningOllama, startOllama } from '../../support/servers/ollama.ts'
import { freePort } from '../../support/servers/ports.ts'

const MAIN = join(PROJECT_ROOT, 'provision/model-sidecar/main.ts')
const SOON = { timeout: 60_000, interval: 200 }
const CHAT = 'gpt-oss:20b-ctx512'

/** A sidecar's process, and what it has logged. */
interface Running {
  url: string
  log(): string
  end(): Promise<void>
}

let folder: string
let mirror: MirrorServer
let ollama: RunningOllama
let sidecar: Running | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidecar-'))
  await storeTinyModels(join(folder, 'library'))
  mirror = await serveMirror(join(folder, 'library'), { port: 0, host: '127.0.0.1' })
  ollama = await startOllama({ env: { OLLAMA_KEEP_ALIVE: '-1', OLLAMA_MAX_LOADED_MODELS: '2' } })
})
afterEach(async () => {
  await sidecar?.end()
  sidecar = undefined
})
afterAll(async () => {
  await ollama?.stop()
  await mirror?.close()
  await rm(folder, { recursive: true, force: true })
})

/** What the program gives the sidecar of its pod, with the servers of this test in place of the pod's. */
async function configFor(settings: object = {}): Promise<SidecarConfig> {
  const objects = await kubernetesObjects(
    { contextLength: 512, modelMirror: `${mirror.url}/library`, ...settings },
    { nodes: ['memory=64GiB,cpu=16'] },
  )
  const { data } = objectOf(objects, 'ConfigMap', 'ollama-cpu-models')
  const config: SidecarConfig = JSON.parse(data['models.json'])
  for (const { args } of config.models) {
    args.ollama = { url: ollama.url, modelsFolder: ollama.modelsFolder }
    args.lockRecord = join(folder, 'state/models.lock.json')
  }
  return { ...config, port: await freePort() }
}

async function start(config: SidecarConfig): Promise<Running> {
  const file = join(folder, 'sidecar.json')
  await writeFile(file, JSON.stringify(config))
  const env = { PATH: process.env.PATH, HOME: folder, KNOWLEDGE_STACK_CACHE: join(folder, 'cache') }
  const child = spawn(process.execPath, [MAIN, file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      log += text
    })
  }
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()))
  return {
    url: `http://127.0.0.1:${config.port}`,
    log: () => log,
    end: () => {
      child.kill()
      return ended
    },
  }
}

const answer = async (path: string) => {
  const response = await fetch(`${sidecar!.url}${path}`)
  return { status: response.status, text: await response.text() }
}
const becomesReady = () =>
  vi.waitFor(async () => expect((await answer('/ready')).status).toBe(200), SOON)

describe('the model sidecar of an Ollama', () => {
  it('obtains what the store lacks, has each model answer, and only then is ready', async () => {
    sidecar = await start(await configFor())
    await vi.waitFor(async () => expect((await answer('/live')).status).toBe(200), SOON)
    await becomesReady()
    expect(sidecar.log()).toMatch(/gpt-oss:20b: obtained, .* from mirror/)
    expect(sidecar.log()).toMatch(/gpt-oss:20b-ctx512: answers[\s\S]*Ready/)
    const { models } = await new Ollama({ host: ollama.url }).ps()
    expect(models.map(({ name }) => name)).toContain(CHAT)
  })

  it('pulls nothing again when it is started anew, and needs no registry then', async () => {
    sidecar = await start(await configFor({ modelMirror: 'http://127.0.0.1:1/library' }))
    await becomesReady()
    expect(sidecar.log()).toMatch(/gpt-oss:20b: there, /)
    expect(sidecar.log()).not.toContain('obtained')
  })

  it('notices that a model is gone, says so, and brings it back', async () => {
    sidecar = await start(await configFor())
    await becomesReady()
    const client = new Ollama({ host: ollama.url })
    await client.delete({ model: CHAT })
    await vi.waitFor(() => expect(sidecar!.log()).toContain('Not ready: gpt-oss:20b is not'), SOON)
    await becomesReady()
    expect((await client.list()).models.map(({ name }) => name)).toContain(CHAT)
  })

  it('is alive but not ready for a model that no source has, and says why in one line that is looked for', async () => {
    const nobodys = { role: 'chat', contextLength: 512, sizeBytes: 1, figures: FIGURES }
    const models = { 'nobody/knows': nobodys }
    sidecar = await start(await configFor({ chatModel: 'nobody/knows', models }))
    const marked = await vi.waitFor(() => {
      const said = sidecar!
        .log()
        .split('\n')
        .flatMap(line => readMarked(line) ?? [])
      expect(said).not.toEqual([])
      return said[0]!
    }, SOON)
    expect(marked.kind).toBe('unavailable')
    expect(marked.text).toMatch(/nobody\/knows:latest could not be obtained.*mirror 127\.0\.0\.1/)
    expect(await answer('/live')).toMatchObject({ status: 200 })
    expect(await answer('/ready')).toMatchObject({
      status: 503,
      text: expect.stringContaining('nobody/knows:latest could not be obtained'),
    })
  })
})

/** Of some small model: the plan wants to know. */
const FIGURES = {
  family: 'llama',
  layers: 2,
  embedding: 64,
  feedForward: 128,
  heads: 4,
  kvHeads: 2,
  headLength: 16,
  vocabulary: 1000,
  embeddingType: 'f16',
}
