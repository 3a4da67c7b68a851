import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
// The shell alone: the whole of zx takes several times as long to load.
import { $ } from 'zx/core'
import { Failure, readMarked } from '../../infra/failure.ts'
import { type PreviousState, stateOf } from '../../infra/known-resources.ts'
import { makePrivateFolder, spawnPrivately, writePrivateFile } from '../../infra/private-files.ts'
import { PROJECT, PROJECT_ROOT } from '../../infra/project.ts'
import type { StackFile } from '../../infra/settings-file.ts'
import { seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { SECRET_MARK } from '../provider/secret-values.ts'
import type { Tool } from '../toolchain/toolchain.ts'
import { type Backend, chooseBackend, mayHaveState, prepareBackend } from './backend.ts'
import { writeEngineConfig } from './config-file.ts'
import { EngineEvent, nameOf } from './events.ts'
import { EngineRecord } from './record.ts'
import { lockFailure } from './state-lock.ts'

/** What the engine is asked to do. `preview` and `destroy` run no checks and start nothing. */
export type Operation = 'up' | 'preview' | 'destroy'

/** What came of it. */
export interface EngineResult {
  /** Number of resources by what was done to them: create, update, replace, delete, same. */
  changes: Record<string, number>
  /** One for each resource that something is done to: what, and its name. */
  steps: { op: string; name: string; inputs: Record<string, unknown> }[]
  /** The stack's outputs; empty after `destroy`. */
  outputs: Record<string, unknown>
}

const NOTHING: EngineResult = { changes: {}, steps: [], outputs: {} }
/** `pulumi` ends with this code when the stack is not there yet. */
const STACK_NOT_FOUND = 6
/** Operations that change nothing. */
const LOOKS: ReadonlySet<string> = new Set(['same', 'read', 'refresh'])
const STACK_TYPE = 'pulumi:pulumi:Stack'
/** Time the engine has to end what is under way after an interrupt, before it is killed. */
const GRACE = seconds(30)

/** The Pulumi engine at work on one stack. */
export class Engine {
  readonly #stack: StackFile
  readonly #pulumi: Tool
  readonly #backend: Backend
  readonly #env: NodeJS.ProcessEnv
  readonly #record: EngineRecord

  private constructor(stack: StackFile, pulumi: Tool, backend: Backend, env: NodeJS.ProcessEnv) {
    this.#stack = stack
    this.#env = env
    this.#pulumi = pulumi
    this.#backend = backend
    this.#record = new EngineRecord(stack.settings.home)
  }

  static async open(stack: StackFile, pulumi: Tool, env = process.env): Promise<Engine> {
    return new Engine(stack, pulumi, await chooseBackend(stack.settings, env), env)
  }

  get backend(): Backend {
    return this.#backend
  }

  /**
   * @throws Failure of the kind that the failed resource gave, with all the engine's errors
   */
  async run(operation: Operation, task: Task): Promise<EngineResult> {
    const { settings } = this.#stack
    const destroys = operation === 'destroy'
    if (destroys && !(await mayHaveState(settings, this.#backend))) return NOTHING
    const config = await writeEngineConfig(this.#stack)
    if (!destroys) await prepareBackend(settings, this.#backend)
    const args = [
      operation,
      '--json',
      '--config-file',
      config,
      ...(operation === 'preview' ? [] : ['--yes', '--skip-preview']),
    ]
    const changes = operation !== 'preview'
    if (changes) await this.#clearUp()
    let outcome = await this.#pulumiEvents(args, task, changes)
    if (outcome.exitCode === STACK_NOT_FOUND) {
      if (destroys) {
        await rm(config)
        return NOTHING
      }
      await this.#initStack(config, task)
      outcome = await this.#pulumiEvents(args, task, changes)
    }
    if (outcome.exitCode !== 0) {
      const locked = lockFailure(settings.stack, outcome.errors.join('\n'))
      throw locked ?? failureOf(operation, outcome.errors, task.signal)
    }
    const { result } = outcome
    return Object.values(result.outputs).some(isHidden)
      ? { ...result, outputs: await this.outputs(task) }
      : result
  }

  /** The stack's outputs as the state has them; empty when there is no such stack. */
  async outputs(task: Task): Promise<Record<string, unknown>> {
    if (!(await mayHaveState(this.#stack.settings, this.#backend))) return {}
    const args = ['stack', 'output', '--json', '--show-secrets']
    const { exitCode, stdout, stderr } = await this.#spawn(args, PROJECT_ROOT, task.signal)
    if (exitCode === STACK_NOT_FOUND) return {}
    if (exitCode !== 0) throw failureOf('stack output', [stderr.trim()], task.signal)
    return JSON.parse(stdout)
  }

  /** What the state has of the stack; nothing when there is no such stack. Secrets stay encrypted. */
  async state(task: Task): Promise<PreviousState> {
    await prepareBackend(this.#stack.settings, this.#backend)
    const { exitCode, stdout, stderr } = await this.#spawn(
      ['stack', 'export'],
      PROJECT_ROOT,
      task.signal,
    )
    if (exitCode === STACK_NOT_FOUND) return stateOf([])
    if (exitCode !== 0) throw failureOf('stack export', [stderr.trim()], task.signal)
    return stateOf(JSON.parse(stdout).deployment?.resources ?? [])
  }

  async #pulumiEvents(args: string[], task: Task, changes: boolean) {
    const result: EngineResult = { changes: {}, steps: [], outputs: {} }
    const errors: string[] = []
    const running = this.#spawn(args, PROJECT_ROOT, task.signal)
    if (changes) await this.#record.begin(running.pid)
    for await (const line of running) {
      const event = line.startsWith('{') ? EngineEvent.safeParse(JSON.parse(line)).data : undefined
      if (event === undefined) errors.push(line)
      else follow(event, result, errors, task)
    }
    const { exitCode, signal, stderr } = await running
    if (changes && signal === 'SIGKILL') await this.#clearUp()
    else if (changes) await this.#record.end()
    if (stderr.trim() !== '') errors.push(stderr.trim())
    return { exitCode, result, errors }
  }

  #clearUp(): Promise<void> {
    const { signal } = new AbortController()
    return this.#record.clearUp(() => this.#spawn(['cancel', '--yes'], PROJECT_ROOT, signal))
  }

  /** `stack init` writes into the stack's file beside the Pulumi.yaml that it finds: it is given one of its own. */
  async #initStack(config: string, task: Task): Promise<void> {
    const folder = dirname(config)
    await makePrivateFolder(folder)
    const project = stringify({ name: PROJECT, runtime: 'nodejs' })
    await writePrivateFile(join(folder, 'Pulumi.yaml'), project)
    const { exitCode, stderr } = await this.#spawn(
      ['stack', 'init', '--no-select'],
      folder,
      task.signal,
    )
    if (exitCode !== 0) throw failureOf('stack init', [stderr.trim()], task.signal)
  }

  #spawn(args: string[], cwd: string, signal: AbortSignal) {
    const running = $({
      cwd,
      // A group of its own: Ctrl-C reaches the engine once, from here, and it stops gracefully.
      detached: true,
      nothrow: true,
      quiet: true,
      // Its state is in the stack's folder; in a backend of the user's it may be meant for others too.
      spawn: this.#backend.own ? spawnForOwner : spawn,
      env: {
        ...this.#env,
        ...this.#backend.env,
        PATH: [...this.#pulumi.binFolders, dirname(process.execPath), this.#env.PATH].join(':'),
        PULUMI_SKIP_UPDATE_CHECK: 'true',
        PULUMI_ENABLE_STREAMING_JSON_PREVIEW: 'true',
      },
    })`${this.#pulumi.command} ${args} --stack ${this.#stack.settings.stack} --non-interactive`
    const interrupt = () => {
      if (running.pid !== undefined) process.kill(running.pid, 'SIGINT')
      setTimeout(() => running.kill('SIGKILL'), GRACE).unref()
    }
    signal.addEventListener('abort', interrupt, { once: true })
    running.finally(() => signal.removeEventListener('abort', interrupt))
    return running
  }
}

const spawnForOwner = ((...args: Parameters<typeof spawn>) =>
  spawnPrivately(() => spawn(...args))) as typeof spawn

const isHidden = (output: unknown): boolean =>
  typeof output === 'object' && output !== null && SECRET_MARK in output

function follow(event: EngineEvent, result: EngineResult, errors: string[], task: Task): void {
  const before = event.resourcePreEvent?.metadata
  if (before !== undefined && !LOOKS.has(before.op) && before.type !== STACK_TYPE) {
    task.report(`${nameOf(before.urn)}: ${before.op}`)
    result.steps.push({ op: before.op, name: nameOf(before.urn), inputs: before.new?.inputs ?? {} })
  }
  const after = event.resOutputsEvent?.metadata
  if (after?.type === STACK_TYPE) result.outputs = after.new?.outputs ?? {}
  const said = event.diagnosticEvent
  if (said?.severity === 'error') errors.push(said.message.trim())
  if (said?.severity === 'info' && said.urn)
    task.report(`${nameOf(said.urn)}: ${said.message.trim()}`)
  if (event.summaryEvent?.resourceChanges) result.changes = event.summaryEvent.resourceChanges
}

/** What the program and the provider said is told as they said it; for the rest, all that the engine wrote. */
function failureOf(operation: string, errors: string[], signal: AbortSignal): Failure {
  if (signal.aborted) return new Failure('interrupted', `pulumi ${operation} was interrupted`)
  const ours = errors.flatMap(error => readMarked(error) ?? [])
  if (ours[0] !== undefined)
    return new Failure(ours[0].kind, ours.map(({ text }) => text).join('\n'))
  return new Failure('unavailable', errors.join('\n') || `pulumi ${operation} failed`)
}
