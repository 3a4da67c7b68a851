import { spawnSync } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { findModel } from '../../../infra/settings/model-catalog.ts'
import { isFree } from '../../../provision/processes/free-port.ts'
import { freePort } from '../../support/servers/ports.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

const stacks: TestStack[] = []
const servers: Server[] = []

async function makeStack(settings: Record<string, unknown> = {}): Promise<TestStack> {
  const stack = await TestStack.make(settings)
  stacks.push(stack)
  return stack
}

afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.end()
  for (const server of servers.splice(0)) server.close()
})

async function nothingRuns({ config }: TestStack): Promise<void> {
  expect(await isFree(Number(config.chromaPort))).toBe(true)
  expect(await isFree(Number(config.ollamaPort))).toBe(true)
}

describe('up with bad input', () => {
  it.each([
    [
      'a shard count below 5',
      { shards: 4 },
      2,
      /knowledge-stack:shards is 4: allowed is at least 5/,
    ],
    [
      'a shard count above 50',
      { shards: 51 },
      2,
      /knowledge-stack:shards is 51: allowed is at most 50/,
    ],
    ['a setting of the wrong type', { parallel: 'two' }, 2, /knowledge-stack:parallel is "two"/],
    ['a model that nobody defined', { chatModel: 'gpt-9:1t' }, 2, /gpt-9:1t.*gpt-oss:20b/],
    ['a folder below a file', { home: '/etc/hostname/home' }, 3, /cannot be written.*ENOTDIR/s],
    [
      'a folder that no one can make',
      { home: '/proc/knowledge-stack/home' },
      3,
      /cannot be written.*ENOENT/s,
    ],
  ])('refuses %s before anything starts', async (_what, settings, exitCode, message) => {
    const stack = await makeStack(settings)
    const { code, stderr } = await stack.run('up')
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: expect.stringMatching(message) })
    await nothingRuns(stack)
  })

  it('names the stacks that there are when asked for another', () => {
    const command = [join(PROJECT_ROOT, 'provision/cli.ts'), 'up', '--stack', 'devv']
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    expect(status).toBe(2)
    expect(stderr).toMatch(/There is no stack devv.*there are dev/)
  })

  it('refuses an unknown option, instead of deploying without it', () => {
    const command = [join(PROJECT_ROOT, 'provision/cli.ts'), 'up', '--stak', 'prod']
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    expect(status).toBe(2)
    expect(stderr).toContain('--stak')
    expect(stderr).toContain('→ npm run up -- --help')
  })

  it('names who holds a port, and starts nothing', async () => {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    servers.push(server)
    const stack = await makeStack({ ollamaPort: port })
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(3)
    expect(stderr).toContain(`Port ${port}`)
    expect(stderr).toContain(`process ${process.pid}`)
    expect(await isFree(Number(stack.config.chromaPort))).toBe(true)
  })

  it('fails with every source that was tried when no model can be had', async () => {
    const gone = await freePort()
    const stack = await makeStack({
      chatModel: 'mine:1b',
      models: { 'mine:1b': { role: 'chat', contextLength: 2048, sizeBytes: 1_000_000 } },
      modelMirror: `http://127.0.0.1:${gone}/library`,
      deployUnfit: true,
    })
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(3)
    expect(stderr).toMatch(/mine:1b/)
    expect(stderr).toMatch(/mirror/)
    expect(stderr).toMatch(/library/)
  })

  it('fails verification when the dimensions defined for a model are not what it gives', async () => {
    const stack = await makeStack()
    const real = findModel('all-minilm')
    if (real?.role !== 'embedding') throw new Error('all-minilm is an embedding model')
    const { name: _, ...definition } = real
    stack.config.models = { 'all-minilm': { ...definition, dimensions: 768 } }
    stack.config.deployUnfit = true
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(1)
    expect(stderr).toMatch(/384/)
    expect(stderr).toMatch(/768/)
  })

  describe('on one stack', () => {
    let stack: TestStack
    beforeAll(async () => {
      stack = await TestStack.make()
    })
    afterAll(() => stack.end())

    it('refuses a second up while the first is at work', async () => {
      const first = await stack.start(['up'])
      await first.said(/plan/)
      const second = await stack.run('up')
      expect(second.code).toBe(3)
      expect(second.stderr).toMatch(
        /being changed by another command: up of stack dev \(process \d+/,
      )
      expect((await first.ended).code).toBe(0)
    })

    it('refuses a second state of the same folder', async () => {
      const other = `file://${join(stack.folder, 'other-state')}`
      const started = await stack.start(['up'], {
        PULUMI_BACKEND_URL: other,
        PULUMI_CONFIG_PASSPHRASE: 'x',
      })
      const { code, stderr } = await started.ended
      expect(code).toBe(2)
      expect(stderr).toContain('second state of the same ports and folders')
      expect(stderr).toContain('npm run up')
    })
  })
})

describe('up that is ended', () => {
  // By Ctrl-C and kill -9: up-killed.test.ts.
  it('by SIGTERM while servers start leaves a stack that the next up completes', async () => {
    const stack = await makeStack()
    const first = await stack.start(['up'])
    await first.said(/✔ ollama/)
    first.child.kill('SIGTERM')
    expect((await first.ended).code).toBe(130)
    const second = await stack.run('up')
    expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 })
  })
})
