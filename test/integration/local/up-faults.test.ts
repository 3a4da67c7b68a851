import { execFileSync } from 'node:child_process'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { boundLogs } from '../../../checks/api/log-rotation.ts'
import { STORED } from '../../support/api/stored.ts'
import { MAY_MOUNT, SmallDisk } from '../../support/servers/small-disk.ts'
import { TestStack } from '../../support/stack/test-stack.ts'

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await sleep(20)
}

describe('a server killed', () => {
  let stack: TestStack
  beforeAll(async () => {
    stack = await TestStack.make()
  })
  afterAll(() => stack.end())

  const killed = async (name: string) => process.kill(-(await stack.pid(name)), 'SIGKILL')
  const ollamaHas = async (model: string) => {
    const response = await fetch(`http://127.0.0.1:${stack.config.ollamaPort}/api/tags`)
    return (await response.text()).includes(model)
  }

  it.each([
    ['as it starts in the middle of up', async () => (await stack.pid('ollama')) > 0],
    ['while the models come in', () => ollamaHas('"name"')],
  ])('%s fails it with the end of the log', async (_when, isThen) => {
    const up = await stack.start(['up'])
    await until(isThen)
    await killed('ollama')
    const { code, stderr } = await up.ended
    expect([1, 3]).toContain(code)
    expect(stderr).toMatch(/ollama/i)
  })

  it('fails no later up, which completes', async () => {
    expect((await stack.run('up')).code).toBe(0)
  })

  it.each(['ollama', 'chroma-0'])('(%s) in the middle of verify is a failed check', async name => {
    const verify = await stack.start(['verify', '--stack', 'dev', '--json'])
    await verify.said(/outputs: read/)
    await killed(name)
    const { code, stdout } = await verify.ended
    expect(code).toBe(1)
    const failed = JSON.parse(stdout).checks.filter(
      (check: { verdict: string }) => check.verdict === 'failed',
    )
    expect(JSON.stringify(failed)).toMatch(name === 'ollama' ? /Ollama/ : /Chroma/)
  })

  it('is mended by the next up', async () => {
    expect((await stack.run('up')).code).toBe(0)
  })
})

describe.skipIf(!MAY_MOUNT)(
  'a folder on a disk of its own (needs KNOWLEDGE_STACK_TEST_SYSTEM=1 and root)',
  () => {
    const mounted: SmallDisk[] = []
    const stacks: TestStack[] = []

    async function mountedDisk(options: string): Promise<string> {
      const disk = await SmallDisk.mount(options)
      mounted.push(disk)
      return disk.folder
    }

    async function stackOn(options: string): Promise<TestStack> {
      const disk = await mountedDisk(options)
      const stack = await TestStack.make({ home: join(disk, 'home'), deployUnfit: true })
      stacks.push(stack)
      return stack
    }

    afterEach(async () => {
      for (const stack of stacks.splice(0)) {
        await stack.run('down')
        await stack.end()
      }
      for (const disk of mounted.splice(0)) await disk.unmount()
    })

    it('that cannot be written is refused before anything starts', async () => {
      const stack = await stackOn('ro')
      const { code, stderr } = await stack.run('up')
      expect(code).toBe(3)
      expect(stderr).toMatch(/cannot be written.*read-only file system/is)
    })

    it('that is too small for a model is said to be so, and the rest stays as it was', async () => {
      const stack = await stackOn('size=64m')
      const { code, stderr } = await stack.run('up')
      expect(code).toBe(3)
      expect(stderr).toMatch(/smollm2:135m/)
      expect(stderr).toMatch(/free|space/i)
    })

    it('that a log has filled is free again, though there is no room to set the log aside', async () => {
      const log = join(await mountedDisk('size=14m'), 'ollama.log')
      execFileSync('sh', ['-c', `head -c 20M /dev/zero > ${log} || true`], { stdio: 'ignore' })
      const problems: string[] = []
      const leave = boundLogs([log], text => problems.push(text))
      await until(async () => (await stat(log)).size === 0)
      await leave()
      expect(problems).toEqual([])
    })

    it('that fills is said to be full, read from, taken down, and used again once there is room', async () => {
      const stack = await stackOn('size=1200m')
      const { apiPort } = stack.config
      const api = (path: string, init?: RequestInit) =>
        fetch(`http://127.0.0.1:${apiPort}${path}`, { ...init, signal: AbortSignal.timeout(5000) })
      const health = async (server: string) => (await api(`/api/v1/ai/${server}/health`)).status
      expect((await stack.run('up')).code).toBe(0)
      const authorization = `Bearer ${(await stack.run('token', '--service')).stdout.trim()}`
      const document = '/api/v1/creators/somebody/documents/one'
      const put = () =>
        api(document, {
          method: 'PUT',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify({ text: 'Cats purr.' }),
        })
      expect(STORED).toContain((await put()).status)

      const [disk] = mounted
      disk!.fill()
      expect(await health('chromadb')).toBe(503)
      const refused = await put()
      expect({ status: refused.status, text: await refused.text() }).toEqual({
        status: 507,
        text: expect.stringMatching(/disk is full/),
      })
      expect((await api(document, { headers: { authorization } })).status).toBe(200)
      const embedding = await api('/api/v1/ai/ollama/test-embedding', {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ text: 'Cats purr.' }),
      })
      expect([embedding.status, await health('ollama')]).toEqual([200, 200])
      expect((await stack.run('status')).stdout).not.toMatch(/does not run/)
      const verified = await stack.run('verify', '--stack', 'dev')
      expect(verified.code).toBe(1)
      expect(verified.stdout).toMatch(/✖ failed +chroma-room .*since its disk is/)
      const down = await stack.run('down')
      expect([down.code, down.stderr]).toEqual([0, expect.not.stringMatching(/ENOSPC|no space/i)])
      expect((await stack.run('status')).stdout.match(/does not run/g)).toHaveLength(3)

      await disk!.makeRoom()
      expect((await stack.run('up')).code).toBe(0)
      expect(STORED).toContain((await put()).status)
    })

    it('that is full is refused before anything starts', async () => {
      const stack = await stackOn('size=64k')
      await mkdir(String(stack.config.home), { recursive: true })
      execFileSync('sh', ['-c', `head -c 1M /dev/zero > ${stack.config.home}/filler || true`], {
        stdio: 'ignore',
      })
      const { code, stderr } = await stack.run('up')
      expect(code).toBe(3)
      expect(stderr).toMatch(/cannot be written.*no space/is)
    })
  },
)
