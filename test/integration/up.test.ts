import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localPaths } from '../../infra/local/paths.ts'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { isFree } from '../../provision/processes/port.ts'
import { processesOfGroup } from '../../provision/processes/table.ts'
import { TestStack } from '../support/stack.ts'

describe('a stack of local processes', () => {
  let stack: TestStack
  beforeAll(async () => {
    stack = await TestStack.make()
  })
  afterAll(() => stack.end())

  it('is not deployed at first, and verify says what to do', async () => {
    const { code, stderr } = await stack.run('verify', '--stack', 'dev')
    expect(code).toBe(3)
    expect(stderr).toContain('npm run up')
  })

  it('is shown by preview with the models that will be pulled and their sizes', async () => {
    const { code, stdout } = await stack.run('preview')
    expect(code).toBe(0)
    expect(stdout).toMatch(/create +smollm2:135m, to be pulled: 258 MiB/)
    expect(stdout).toMatch(/create +all-minilm:latest, to be pulled/)
    await expect(isFree(Number(stack.config.ollamaPort))).resolves.toBe(true)
  })

  it('comes up from nothing, with its models, verified', async () => {
    const { code, document, stderr } = await stack.json('up')
    expect(stderr).toContain('verify')
    expect({ code, verdict: document.verdict }).toEqual({ code: 0, verdict: 'passed' })
    expect(document.changed).toBe(true)
    expect(document.models).toMatchObject([
      { role: 'embedding', serves: 'all-minilm:latest-ctx512', dimensions: 384 },
      { role: 'chat', serves: 'smollm2:135m-ctx1024' },
    ])
  })

  it('serves the planned context to the chat model', async () => {
    const response = await fetch(`http://127.0.0.1:${stack.config.ollamaPort}/api/ps`)
    const { models } = (await response.json()) as {
      models: { name: string; context_length: number }[]
    }
    const chat = models.find(({ name }) => name === 'smollm2:135m-ctx1024')
    expect(chat?.context_length).toBe(1024)
  })

  it('serves its HTTP API, with keys of its own that nobody else can read', async () => {
    const response = await fetch(`http://127.0.0.1:${stack.config.apiPort}/api/v1/ai/models/status`)
    expect(response.status).toBe(200)
    const keys = await stat(join(localPaths(stack.home).state, 'api-keys.json'))
    expect(keys.mode & 0o777).toBe(0o600)
  })

  it('listens on loopback only', async () => {
    const tcp = await readFile('/proc/net/tcp', 'utf8')
    for (const port of [stack.config.chromaPort, stack.config.ollamaPort, stack.config.apiPort]) {
      const hex = Number(port).toString(16).toUpperCase().padStart(4, '0')
      const listening = tcp.split('\n').filter(line => line.includes(`:${hex} 00000000:0000 0A`))
      expect(listening).toHaveLength(1)
      expect(listening[0]).toContain(`0100007F:${hex}`)
    }
  })

  it('is left alone by a second up, which says so', async () => {
    const before = await Promise.all([stack.pid('chroma-0'), stack.pid('ollama')])
    const { code, stdout } = await stack.run('up')
    expect(code).toBe(0)
    expect(stdout).toContain('nothing to change')
    expect(await Promise.all([stack.pid('chroma-0'), stack.pid('ollama')])).toEqual(before)
  })

  it('runs on while other commands look at it', async () => {
    const status = await stack.json('status')
    expect(status.document.processes).toMatchObject([
      { running: true },
      { running: true },
      { running: true },
    ])
    const verified = await stack.json('verify', '--stack', 'dev')
    expect({ code: verified.code, verdict: verified.document.verdict }).toEqual({
      code: 0,
      verdict: 'passed',
    })
  })

  it('has a server that died started again by up, and by nothing else touched', async () => {
    const [chroma, ollama] = await Promise.all([stack.pid('chroma-0'), stack.pid('ollama')])
    process.kill(-ollama, 'SIGKILL')
    const { code, document } = await stack.json('up')
    expect({ code, changed: document.changed }).toEqual({ code: 0, changed: true })
    expect(await stack.pid('chroma-0')).toBe(chroma)
    expect(await stack.pid('ollama')).not.toBe(ollama)
  })

  it('has just what a changed setting touches replaced', async () => {
    const chroma = await stack.pid('chroma-0')
    const ollama = await stack.pid('ollama')
    stack.config.parallel = 2
    const { code } = await stack.run('up')
    expect(code).toBe(0)
    expect(await stack.pid('chroma-0')).toBe(chroma)
    expect(await stack.pid('ollama')).not.toBe(ollama)
  })

  it('goes down without a process or a port left, and keeps models and data', async () => {
    const pids = await Promise.all(['chroma-0', 'ollama', 'api'].map(name => stack.pid(name)))
    const { code, stdout } = await stack.run('down')
    expect(code).toBe(0)
    expect(stdout).toContain('data and models stay')
    expect(pids.flatMap(processesOfGroup)).toEqual([])
    await expect(isFree(Number(stack.config.chromaPort))).resolves.toBe(true)
    await expect(isFree(Number(stack.config.ollamaPort))).resolves.toBe(true)
    await expect(isFree(Number(stack.config.apiPort))).resolves.toBe(true)
    await expect(stat(localPaths(stack.home).models)).resolves.toBeDefined()
    await expect(stat(localPaths(stack.home).chroma(0))).resolves.toBeDefined()
  })

  it('comes up again with its models, without bringing them in anew', async () => {
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/import/)
  })

  it('is gone with all it had after down --purge', async () => {
    const { code } = await stack.run('down', '--purge')
    expect(code).toBe(0)
    await expect(stat(stack.home)).rejects.toThrow('ENOENT')
  })

  it('leaves the tracked files as they were', async () => {
    const hash = async (file: string) =>
      createHash('sha256')
        .update(await readFile(join(PROJECT_ROOT, file)))
        .digest('hex')
    const { execFileSync } = await import('node:child_process')
    for (const file of ['Pulumi.yaml', 'Pulumi.dev.yaml', 'infra/models.lock.json']) {
      const committed = execFileSync('git', ['show', `:${file}`], { cwd: PROJECT_ROOT })
      expect(await hash(file)).toBe(createHash('sha256').update(committed).digest('hex'))
    }
  })
})
