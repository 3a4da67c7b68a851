import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localPaths } from '../../../infra/settings/home-paths.ts'
import { DEFAULT_OLLAMA } from '../../../infra/settings/ollama-version.ts'
import { copyProject } from '../../support/stack/copied-project.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

describe('a stack whose models are not what the lock has, before it is deployed', () => {
  let stack: TestStack
  let lockFile: string
  const readLock = async () => JSON.parse(await readFile(lockFile, 'utf8'))

  beforeAll(async () => {
    stack = await TestStack.make()
    stack.project = await copyProject(stack.folder)
    lockFile = join(stack.project, 'infra/models.lock.json')
    const lock = await readLock()
    for (const entry of Object.values<object>(lock['all-minilm:latest'])) {
      Object.assign(entry, { digest: '0'.repeat(64), files: { other: `sha256:${'0'.repeat(64)}` } })
    }
    await writeFile(lockFile, JSON.stringify(lock))
  })
  afterAll(() => stack?.end())

  it('is refused by up, which says what locks it anew', async () => {
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(1)
    expect(stderr).toMatch(/npm run models -- --stack dev --config-file \S+ --write-lock/)
  })

  it('is locked by that, without a deployment and with nothing left running', async () => {
    await stack.run('down')
    const { code, stderr, document } = await stack.json('models', '--write-lock')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(document.ollama).toBe(DEFAULT_OLLAMA)
    expect(Object.keys(document.locked)).toEqual(['all-minilm:latest', 'smollm2:135m'])
    const [entry] = Object.values<{ engine: string; files: object }>(
      (await readLock())['all-minilm:latest'],
    )
    expect(entry!.engine).toBe(DEFAULT_OLLAMA)
    expect(Object.keys(entry!.files)).toContain('model.safetensors')
    expect(await readdir(localPaths(stack.home).processes)).toEqual([])
  })

  it('is locked as one of containers too, and keeps the models of the local one', async () => {
    const { models, state } = localPaths(stack.home)
    const before = await readdir(models, { recursive: true })
    expect(before).not.toEqual([])
    stack.config.target = 'docker'
    const { code, stderr } = await stack.json('models', '--write-lock')
    delete stack.config.target
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(await readdir(models, { recursive: true })).toEqual(before)
    expect(await readdir(state)).not.toContain('models-to-lock')
  })

  it('comes up then', async () => {
    const { code, stderr, document } = await stack.json('up')
    expect({ code, stderr, verdict: document.verdict }).toMatchObject({
      code: 0,
      verdict: 'passed',
    })
  })
})
