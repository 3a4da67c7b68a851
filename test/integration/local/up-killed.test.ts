import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localPaths } from '../../../infra/settings/home-paths.ts'
import { isFree } from '../../../provision/processes/free-port.ts'
import { processesWith } from '../../../provision/processes/process-table.ts'
import { findCommand } from '../../../provision/toolchain/run-command.ts'
import { interruptOnTheWay } from '../../support/interrupted/interruptions.ts'
import { localSubject } from '../../support/interrupted/local-subject.ts'
import { SEED } from '../../support/searches.ts'
import { type RunningCommand, recordedPid, TestStack } from '../../support/stack/test-stack.ts'

/** `npm run bench -- interrupted` does so at twenty. */
const MOMENTS = 3

/** One stack through all of it, in a home folder such as people have. */
describe('up that is killed', () => {
  let folder: string
  let stack: TestStack
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'Zoë Müller 50% '))
    stack = await TestStack.make({
      home: join(folder, 'home'),
      // As texts: what the plan reads, the engine is not to refuse.
      shards: '10',
      models: '{}',
    })
  })
  afterAll(async () => {
    await stack.end()
    await rm(folder, { recursive: true, force: true })
  })

  const state = () => localPaths(stack.home).state
  const locks = () =>
    readdir(join(state(), 'pulumi/.pulumi/locks/organization/knowledge-stack/dev')).catch(() => [])
  /** The engine and what it starts, but no server: those take over no more than they need of the environment. */
  const engines = () => processesWith('PULUMI_HOME', String(stack.env.PULUMI_HOME))

  /** The engine of an update, once it has started its plugins. @returns its pid */
  async function engineAtWork(): Promise<number> {
    const recorded = () => recordedPid(join(state(), 'engine.json')).catch(() => 0)
    while (!(await recorded()) || engines().length < 5) await sleep(5)
    return recorded()
  }

  /** As a power failure does it. */
  async function killAll({ child, ended }: RunningCommand): Promise<void> {
    child.kill('SIGKILL')
    for (const pid of engines()) signalTo(pid, 'SIGKILL')
    await ended
  }

  /** Kills all while the state is locked: the engine goes by small steps, since it holds some locks for a moment only. */
  async function killWhenLocked(): Promise<void> {
    const up = await stack.start(['up'])
    while (up.child.exitCode === null) {
      const stopped = engines()
      for (const pid of stopped) signalTo(pid, 'SIGSTOP')
      if (stopped.length > 0 && (await locks()).some(name => name.endsWith('.json'))) break
      for (const pid of stopped) signalTo(pid, 'SIGCONT')
      await sleep(1)
      for (const pid of stopped) signalTo(pid, 'SIGSTOP')
    }
    await killAll(up)
  }

  it('with its engine, while the stack is made and again while it comes up, holds up no later one', async () => {
    await killWhenLocked()
    expect(await locks()).not.toEqual([])
    await killWhenLocked()
    expect(await locks()).not.toEqual([])
    const previewed = await stack.run('preview')
    expect({ code: previewed.code, stderr: previewed.stderr }).toEqual({
      code: 0,
      stderr: expect.any(String),
    })
    const { code, stderr } = await stack.run('down')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(engines()).toEqual([])
  })

  it('or interrupted, at any moment, leaves a stack that the next one brings up, with its data', async () => {
    const { interrupted, aftermaths } = await interruptOnTheWay(localSubject(stack), {
      seed: SEED,
      count: MOMENTS,
      report: console.log,
    })
    expect(interrupted).not.toEqual([])
    expect(aftermaths.flatMap(({ faults }) => faults)).toEqual([])
    expect(engines()).toEqual([])
  })

  it('by a second Ctrl-C has ended at once with all that it started, and the next one goes on', async () => {
    stack.config.parallel = 2
    const up = await stack.start(['up'])
    await up.said(/✔ ollama/)
    // So that it takes its time with what it is asked for.
    process.kill(await engineAtWork(), 'SIGSTOP')
    up.child.kill('SIGINT')
    await sleep(50)
    // The same Ctrl-C, handed on by npm.
    up.child.kill('SIGINT')
    await sleep(700)
    expect(up.child.exitCode).toBeNull()
    up.child.kill('SIGINT')
    const { code, stderr } = await up.ended
    expect(code).toBe(130)
    expect(stderr).toMatch(
      /\nInterrupted again, and ended at once: the next npm run up -- --stack dev --config-file \S+ takes up .*\n$/,
    )
    expect(engines()).toEqual([])
  })

  it('has an engine that crashes: says so without its stack trace, and ends what it started', async () => {
    const up = await stack.start(['up'])
    await up.said(/✔ ollama/)
    // Go ends a program with a stack trace and code 2 by it, as at a panic.
    process.kill(await engineAtWork(), 'SIGQUIT')
    const { code, stderr } = await up.ended
    expect(engines()).toEqual([])
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(/pulumi up crashed: SIGQUIT.*npm run up/s),
    })
    expect(stderr).not.toMatch(/goroutine/)
  })

  it('comes up where there is no bash, by its own passphrase and not by the one of the shell', async () => {
    const bin = join(folder, 'bin')
    await mkdir(bin)
    for (const program of ['node', 'python3'])
      await symlink(String(await findCommand(program, process.env)), join(bin, program))
    const up = await stack.start(['up'], { PATH: bin, PULUMI_CONFIG_PASSPHRASE: "the shell's" })
    const { code, stderr } = await up.ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect((await stack.run('preview')).code).toBe(0)
  })

  it('in the middle of the attributes of its state is no dead end', async () => {
    const stacks = join(state(), 'pulumi/.pulumi/stacks/knowledge-stack')
    const attributes = (await readdir(stacks)).filter(name => /^dev\.json.*\.attrs$/.test(name))
    expect(attributes).toContain('dev.json.attrs')
    for (const name of attributes) await writeFile(join(stacks, name), '')
    const { code, stderr } = await stack.run('preview')
    expect({ code, stderr }).toMatchObject({ code: 0 })
  })

  it.each(['up', 'down'])(
    '%s is refused with a wrong passphrase, naming its file, without a stack trace',
    async command => {
      const file = join(state(), 'passphrase')
      const right = await readFile(file)
      await writeFile(file, 'wrong')
      const { code, stderr } = await stack.run(command, '--stack', 'dev')
      await writeFile(file, right)
      expect(code).toBe(2)
      expect(stderr).toContain(`${file} does not hold it`)
      expect(stderr).not.toMatch(/\n\s+at /)
    },
  )

  it('goes down without a process or a port left', async () => {
    const { code, stderr } = await stack.run('down')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(engines()).toEqual([])
    for (const port of ['chromaPort', 'ollamaPort', 'apiPort'])
      expect(await isFree(Number(stack.config[port]))).toBe(true)
  })
})

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}
