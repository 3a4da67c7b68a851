import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveMirror } from '../../../provision/models/model-mirror.ts'
import { readOwner } from '../../../provision/ownership/home-owner.ts'
import { HARMONY_TEMPLATE, tinyGptOss } from '../../support/models/tiny-gpt-oss.ts'
import { tinyNomicBert } from '../../support/models/tiny-nomic-bert.ts'
import { TestStack } from '../../support/stack/test-stack.ts'
import { storeModel } from '../../support/store/test-store.ts'

describe('a fresh stack with models of its own, of which it says no more than name and role', () => {
  let folder: string
  let mirror: Awaited<ReturnType<typeof serveMirror>>
  let stack: TestStack

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'own-models-'))
    await mkdir(join(folder, 'embedding'))
    await writeFile(join(folder, 'embedding', 'team-embed.gguf'), tinyNomicBert())
    await storeModel(join(folder, 'registry'), 'team-chat:1b', {
      gguf: tinyGptOss(),
      family: 'gptoss',
      template: HARMONY_TEMPLATE,
    })
    mirror = await serveMirror(join(folder, 'registry'), { port: 0, host: '127.0.0.1' })
    stack = await TestStack.make({
      embeddingModel: 'team-embed',
      chatModel: 'team-chat:1b',
      modelMirror: `${mirror.url}/library`,
      models: {
        'team-embed': {
          role: 'embedding',
          sources: [{ kind: 'folder', path: join(folder, 'embedding') }],
        },
        'team-chat:1b': { role: 'chat' },
      },
    })
  })
  afterAll(async () => {
    await stack?.end()
    await mirror?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('is planned from the heads of their files, in the folder and in the registry', async () => {
    const { code, document, stderr } = await stack.json('plan')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document.models).toMatchObject([
      { name: 'team-embed:latest', role: 'embedding', contextLength: 2048 },
      { name: 'team-chat:1b', role: 'chat', contextLength: 1024 },
    ])
    const { source } = document.models[1].parts[0]
    expect(source).toContain(mirror.url)
    expect((await stack.run('status')).code).toBe(3)
    // Who only looks makes no folder the stack's.
    expect(await readOwner(stack.home)).toBeUndefined()
  })

  it('is shown by preview with what is to be pulled, and what comes from a folder of this machine', async () => {
    const { code, stdout } = await stack.run('preview')
    expect(code).toBe(0)
    expect(stdout).toContain(`team-embed:latest, from folder ${join(folder, 'embedding')}`)
    expect(stdout).toMatch(/team-chat:1b, to be pulled: ([\d.]+ \wiB)\n(.*\n)*To be pulled: \1$/m)
  })

  it('comes up with them, verified', async () => {
    const { code, stderr, document } = await stack.json('up')
    expect({ code, stderr, verdict: document.verdict }).toMatchObject({
      code: 0,
      verdict: 'passed',
    })
    expect(document.models).toMatchObject([
      { name: 'team-embed:latest', dimensions: 768 },
      { name: 'team-chat:1b' },
    ])
  })

  it('is left alone by a second up, without the places that they came from', async () => {
    await mirror.close()
    const { code, document, stderr } = await stack.json('up')
    expect({ code, stderr, changed: document.changed }).toMatchObject({ code: 0, changed: false })
  })
})

describe('a model of a stack without a file that could be read', () => {
  it('is refused with what was tried, and what to give in its place', async () => {
    const stack = await TestStack.make({
      chatModel: 'team-chat',
      models: {
        'team-chat': { role: 'chat', sources: [{ kind: 'folder', path: '/nowhere/model.gguf' }] },
      },
    })
    const { code, stderr } = await stack.run('plan')
    expect(code).toBe(3)
    expect(stderr).toContain('The file of team-chat:latest can be read nowhere')
    expect(stderr).toContain('folder /nowhere/model.gguf')
    expect(stderr).toContain('contextLength, sizeBytes and figures')
    await stack.end()
  })
})
