import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Locks, readLocks } from '../../../provision/models/locks.ts'
import { type MirrorServer, serveMirror } from '../../../provision/models/model-mirror.ts'
import { findProvisioned, provisionModel } from '../../../provision/models/provision-model.ts'
import { listModels } from '../../support/models/list-models.ts'
import { requestFor } from '../../support/models/model-request.ts'
import { storeTinyModels } from '../../support/models/tiny-models.ts'
import { recordingTask } from '../../support/recording-task.ts'
import { type RunningOllama, startOllama } from '../../support/servers/ollama.ts'

describe('the models that only the library has, from a mirror of it', () => {
  let folder: string
  let mirror: MirrorServer
  let server: RunningOllama
  let ollama: Ollama
  const { task, reports } = recordingTask()
  const locks = (): Promise<Locks> => readLocks(join(folder, 'state/models.lock.json'))

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'models-'))
    await storeTinyModels(join(folder, 'library'))
    mirror = await serveMirror(join(folder, 'library'), { port: 0, host: '127.0.0.1' })
    server = await startOllama()
    ollama = new Ollama({ host: server.url })
  })

  afterAll(async () => {
    await server?.stop()
    await mirror?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const models = () => listModels(ollama)
  const source = () => ({ host: new URL(mirror.url).host, namespace: 'library', insecure: true })

  it('pulls nomic-embed-text and embeds with it in 768 dimensions', async () => {
    const request = requestFor('nomic-embed-text', { mirror: source() })

    const provisioned = await provisionModel(request, server, await locks(), task)

    expect(provisioned).toMatchObject({
      name: 'nomic-embed-text:latest',
      serves: 'nomic-embed-text:latest-ctx512',
      source: `mirror ${source().host}/library`,
      changed: true,
      lockedBy: 'first seen',
    })
    const input = ['one text', 'another one']
    const { embeddings } = await ollama.embed({ model: provisioned.serves, input })
    expect(embeddings.map(vector => vector.length)).toEqual([768, 768])
    expect(embeddings.flat().every(Number.isFinite)).toBe(true)
  })

  it('pulls gpt-oss:20b and chats with it', async () => {
    const request = requestFor('gpt-oss:20b', { mirror: source() })

    const { serves } = await provisionModel(request, server, await locks(), task)

    const messages = [{ role: 'user', content: 'Who are you?' }]
    const { message } = await ollama.chat({ model: serves, messages, think: 'low' })
    expect(message.content).not.toBe('')
  })

  it('pins the planned context in the model that requests use', async () => {
    const { models } = await ollama.ps()
    const contexts = models.map(({ name, ...model }) => [name, Object(model).context_length])
    expect(Object.fromEntries(contexts)).toMatchObject({
      'nomic-embed-text:latest-ctx512': 512,
      'gpt-oss:20b-ctx512': 512,
    })
  })

  it('leaves no other names in the store than the two of each model', async () => {
    expect((await models()).map(model => model.name)).toEqual([
      'gpt-oss:20b',
      'gpt-oss:20b-ctx512',
      'nomic-embed-text:latest',
      'nomic-embed-text:latest-ctx512',
    ])
  })

  it('does nothing when all is there, without the mirror', async () => {
    const request = requestFor('nomic-embed-text', { mirror: source() })
    const before = await models()
    await mirror.close()

    const again = await provisionModel(request, server, await locks(), task)

    expect(again).toMatchObject({ changed: false, lockedBy: 'recorded' })
    expect(await models()).toEqual(before)
  })

  it('derives the served model anew when the planned context changes', async () => {
    const request = requestFor('nomic-embed-text', { contextLength: 256, batch: 128 })

    const again = await provisionModel(request, server, await locks(), task)

    expect(again.changed).toBe(true)
    const { parameters } = await ollama.show({ model: again.serves })
    expect(parameters).toMatch(/num_ctx +256/)
    expect(parameters).toMatch(/num_batch +128/)
  })

  it('finds what is provisioned, and misses what is gone', async () => {
    const names = { name: 'gpt-oss:20b', serves: 'gpt-oss:20b-ctx512' }
    const there = await findProvisioned(names, server)
    expect(there).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/) })

    await ollama.delete({ model: names.serves })
    expect(await findProvisioned(names, server)).toBeUndefined()
  })

  it('takes a model that was there already when no source can be had, and says so', async () => {
    await rm(join(folder, 'state'), { recursive: true })
    const request = requestFor('gpt-oss:20b')

    const found = await provisionModel(request, server, await locks(), task)

    expect(found).toMatchObject({ source: 'already in the store', lockedBy: 'first seen' })
    expect(reports).toContain('gpt-oss:20b is already in the store: recording its digest')
    expect(await provisionModel(request, server, await locks(), task)).toMatchObject({
      changed: false,
      lockedBy: 'recorded',
    })
  })
})
