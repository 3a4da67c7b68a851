import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../../infra/project.ts'
import { processStart } from '../../../provision/process-identity.mjs'

const PROVIDER = join(PROJECT_ROOT, 'provision/provider')
const WITHIN = { timeout: 15_000 }

let folder: string
const engines: ChildProcess[] = []
const providers: number[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-'))
})
afterEach(async () => {
  for (const engine of engines.splice(0)) engine.kill('SIGKILL')
  for (const pid of providers.splice(0)) if (processStart(pid)) process.kill(pid, 'SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** Starts a program as the engine does, and waits until it has said something. */
async function startedByEngine(command: string[]) {
  const output = join(folder, `output-${engines.length}`)
  const script = `"$@" > ${output} & echo $!; wait`
  const engine = spawn('sh', ['-c', script, 'engine', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  engines.push(engine)
  const pid = Number(String((await once(engine.stdout!, 'data'))[0]))
  providers.push(pid)
  const says = () => readFile(output, 'utf8')
  await expect.poll(says, WITHIN).not.toBe('')
  return { engine, pid, says }
}

describe('the provider', () => {
  it('ends when its engine is gone, which cannot ask for it any more', async () => {
    const { engine, pid } = await startedByEngine([join(PROVIDER, 'pulumi-resource-knowledge')])
    expect(processStart(pid)).toBeDefined()
    engine.kill('SIGKILL')
    await expect.poll(() => processStart(pid), WITHIN).toBeUndefined()
  })

  it('has what is under way stopped first, and waits for it', async () => {
    const script = `
      import { endWithEngine } from '${PROVIDER}/end-with-engine.ts'
      const { promise, resolve } = Promise.withResolvers()
      void endWithEngine({
        cancel: async () => setTimeout(() => (console.log('taken back'), resolve()), 300),
        idle: () => promise,
      }, undefined)
      setInterval(() => {}, 1000)
      console.log('under way')
    `
    const node = ['--input-type=module-typescript', '--eval', script]
    const { engine, pid, says } = await startedByEngine([process.execPath, ...node])
    engine.kill('SIGKILL')
    await expect.poll(() => processStart(pid), WITHIN).toBeUndefined()
    expect(await says()).toBe('under way\ntaken back\n')
  })

  it('takes the engine’s other plugins along, which do not look whether it is there, and no other’s', async () => {
    const plugin = 'console.log("serves"); setInterval(() => {}, 1000)'
    const given = (address: string) => [process.execPath, '--eval', plugin, address]
    const other = await startedByEngine(given('127.0.0.1:9'))
    const others = await startedByEngine(given('127.0.0.1:99'))
    // Its engine has got the port of the one that is gone, or it is no plugin at all.
    const served = await startedByEngine(given('127.0.0.1:9'))
    const own = [join(PROVIDER, 'pulumi-resource-knowledge'), '127.0.0.1:9']
    const { engine } = await startedByEngine(own)
    other.engine.kill('SIGKILL')
    engine.kill('SIGKILL')
    await expect.poll(() => processStart(other.pid), WITHIN).toBeUndefined()
    expect(processStart(others.pid)).toBeDefined()
    expect(processStart(served.pid)).toBeDefined()
  })
})
