import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import type { ProcessOutput, ProcessPromise } from 'zx/core'
import { Failure, readMarked, reasonOf } from '../../infra/failure.ts'
import { type PreviousState, stateOf } from '../../infra/ownership/known-resources.ts'
import { writePrivateFile } from '../../infra/private-files.ts'
import { PROJECT, PROJECT_ROOT } from '../../infra/project.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { StackFile } from '../../infra/settings/settings-file.ts'
import type { Task } from '../progress.ts'
import { SECRET_MARK } from '../provider/secret-values.ts'
import type { Tool } from '../toolchain/toolchain.ts'
import { type Backend, chooseBackend, ownFolder, prepareBackend } from './backend.ts'
import { writeEngineConfig } from './engine-config.ts'
import { type EngineEvent, readEvent, resourceName } from './engine-events.ts'
import { EngineProcess } from './engine-process.ts'
import { missingProvider } from './missing-provider.ts'
import { hasState, passphraseFile, passphraseProblem } from './passphrase.ts'
import { lockFailure } from './state-lock-failure.ts'

/** What the engine is asked to do. `preview` and `destroy` run no checks and start nothing. */
export type Operation = 'up' | 'preview' | 'destroy'

/** What is done to a resource. */
export interface EngineStep {
  /** As the engine calls it. What is replaced comes three times: `replace`, `create-replacement`, `delete-replaced`. */
  op: string
  name: string
  /** `kubernetes:apps/v1:StatefulSet` */
  type: string
  /** Empty for what is created. */
  before: Record<string, unknown>
  /** Empty for what is deleted. */
  inputs: Record<string, unknown>
}

/** What came of it. */
export interface EngineResult {
  /** Number of resources by what was done to them: create, update, replace, delete, same. */
  changes: Record<string, number>
  /** One for each resource that something is done to: what, and its name. */
  steps: EngineStep[]
  /** The stack's outputs; empty after `destroy`. */
  outputs: Record<string, unknown>
}

const NOTHING: EngineResult = { changes: {}, steps: [], outputs: {} }
/** `pulumi` ends with this code when the stack is not there yet. */
const STACK_NOT_FOUND = 6
/** Operations that change nothing. */
const LOOKS: ReadonlySet<string> = new Set(['same', 'read', 'refresh'])
const STACK_TYPE = 'pulumi:pulumi:Stack'

/** The Pulumi engine at work on one stack. */
export class PulumiEngine {
  readonly #stack: StackFile
  readonly #backend: Backend
  readonly #process: EngineProcess

  private constructor(stack: StackFile, pulumi: Tool, backend: Backend, env: NodeJS.ProcessEnv) {
    this.#stack = stack
    this.#backend = backend
    this.#process = new EngineProcess(stack.settings, pulumi, backend, env)
  }

  static async open(stack: StackFile, pulumi: Tool, env = process.env): Promise<PulumiEngine> {
    return new PulumiEngine(stack, pulumi, await chooseBackend(stack.settings, env), env)
  }

  get backend(): Backend {
    return this.#backend
  }

  /**
   * Needs the stack's lock: it ends what an earlier one left at work.
   * @throws Failure of the kind that the failed resource gave, with all the engine's errors
   */
  async run(operation: Operation, task: Task): Promise<EngineResult> {
    const destroys = operation === 'destroy'
    if (destroys && !this.#mayHaveState()) return NOTHING
    await this.#process.clearUp()
    const config = await writeEngineConfig(this.#stack)
    await prepareBackend(this.#stack.settings, this.#backend)
    const args = [
      operation,
      '--json',
      '--config-file',
      config,
      ...(operation === 'preview' ? [] : ['--yes', '--skip-preview']),
    ]
    let outcome = await this.#pulumiEvents(args, task)
    if (outcome.exitCode === STACK_NOT_FOUND) {
      if (destroys) {
        await rm(config)
        return NOTHING
      }
      await this.#initStack(config, task)
      outcome = await this.#pulumiEvents(args, task)
    }
    if (outcome.exitCode !== 0) throw this.#failureOf(operation, outcome.errors, task)
    const { result } = outcome
    return Object.values(result.outputs).some(isHidden)
      ? { ...result, outputs: await this.outputs(task) }
      : result
  }

  /** The stack's outputs as the state has them; empty when there is no such stack. */
  async outputs(task: Task): Promise<Record<string, unknown>> {
    const text = await this.#ask(['stack', 'output'], ['--json', '--show-secrets'], task)
    return text === undefined ? {} : JSON.parse(text)
  }

  /** What the state has of the stack; nothing when there is no such stack. Secrets stay encrypted. */
  async state(task: Task): Promise<PreviousState> {
    const text = await this.#ask(['stack', 'export'], [], task)
    return stateOf(text === undefined ? [] : (JSON.parse(text).deployment?.resources ?? []))
  }

  /** @returns the answer to a question about the stack; undefined when there is no such stack */
  async #ask(question: string[], flags: string[], task: Task): Promise<string | undefined> {
    if (!this.#mayHaveState()) return undefined
    const ended = await this.#process.start([...question, ...flags], PROJECT_ROOT, task.signal)
    if (ended.exitCode === STACK_NOT_FOUND) return undefined
    if (ended.exitCode !== 0) throw this.#failureOf(question.join(' '), said(ended), task)
    return ended.stdout
  }

  /** What only looks asks first, and makes no folder where nothing was deployed. */
  #mayHaveState(): boolean {
    const { settings } = this.#stack
    return !this.#backend.own || hasState(ownFolder(settings), settings.stack)
  }

  async #pulumiEvents(args: string[], task: Task) {
    const result: EngineResult = { changes: {}, steps: [], outputs: {} }
    const errors: string[] = []
    const running = new Set<string>()
    const follow = async (engine: ProcessPromise) => {
      for await (const line of engine) {
        const event = readEvent(line)
        if (event === undefined) errors.push(line)
        else record(event, result, errors, running, task)
      }
    }
    const ended = await this.#process.run(args, PROJECT_ROOT, task.signal, follow)
    return { exitCode: ended.exitCode, result, errors: [...errors, ...said(ended)] }
  }

  /** `stack init` writes into the stack's file beside the Pulumi.yaml that it finds: it is given one of its own. */
  async #initStack(config: string, task: Task): Promise<void> {
    const folder = dirname(config)
    const project = stringify({ name: PROJECT, runtime: 'nodejs' })
    await writePrivateFile(join(folder, 'Pulumi.yaml'), project)
    const ended = await this.#process.run(['stack', 'init', '--no-select'], folder, task.signal)
    if (ended.exitCode !== 0) throw this.#failureOf('stack init', said(ended), task)
  }

  /** What the program and the provider said is told as they said it; for the rest, all that the engine wrote. */
  #failureOf(operation: string, errors: string[], { signal }: Task): Failure {
    if (signal.aborted) return new Failure('interrupted', `pulumi ${operation} was interrupted`)
    const { stack, home } = this.#stack.settings
    const passphrase = this.#backend.own ? passphraseFile(localPaths(home).state) : undefined
    const known =
      passphraseProblem(errors, passphrase, stack) ??
      lockFailure(stack, errors.join('\n')) ??
      missingProvider(errors.join('\n'))
    if (known !== undefined) return known
    const crash = errors.map(error => CRASH.exec(error)?.[0]).find(text => text !== undefined)
    if (crash !== undefined) {
      return new Failure('unavailable', `pulumi ${operation} crashed: ${crash}`, {
        mend: `npm run up -- --stack ${stack}`,
      })
    }
    const ours = errors.flatMap(error => readMarked(error) ?? [])
    if (ours[0] !== undefined)
      return new Failure(ours[0].kind, ours.map(({ text }) => text).join('\n'))
    return new Failure('unavailable', errors.join('\n') || `pulumi ${operation} failed`)
  }
}

/** What Go says when it ends a program, without the stack trace that follows. */
const CRASH = /^(panic|fatal error|runtime error|SIG[A-Z]+): .*/m

const isHidden = (output: unknown): boolean =>
  typeof output === 'object' && output !== null && SECRET_MARK in output

/** @param running names of the resources that something is being done to */
function record(
  event: EngineEvent,
  result: EngineResult,
  errors: string[],
  running: Set<string>,
  task: Task,
): void {
  const before = event.resourcePreEvent?.metadata
  if (before !== undefined && !LOOKS.has(before.op) && before.type !== STACK_TYPE) {
    running.add(resourceName(before.urn))
    task.report(before.op, resourceName(before.urn))
    result.steps.push({
      op: before.op,
      name: resourceName(before.urn),
      type: before.type,
      before: before.old?.inputs ?? {},
      inputs: before.new?.inputs ?? {},
    })
  }
  const after = event.resOutputsEvent?.metadata
  if (after?.type === STACK_TYPE) result.outputs = after.new?.outputs ?? {}
  const over = after ?? event.resOpFailedEvent?.metadata
  if (over !== undefined) {
    running.delete(resourceName(over.urn))
    task.ended?.(resourceName(over.urn))
  }
  const said = event.diagnosticEvent
  if (said?.severity === 'error') errors.push(said.message.trim())
  // What a resource said last may come after its end.
  if (said?.severity === 'info' && said.urn && running.has(resourceName(said.urn)))
    task.report(said.message.trim(), resourceName(said.urn))
  if (event.summaryEvent?.resourceChanges) result.changes = event.summaryEvent.resourceChanges
}

/** What a run of the engine said that is no event: why it could not be started, and its standard error. */
const said = ({ cause, stderr }: ProcessOutput): string[] =>
  [cause ? reasonOf(cause) : '', stderr.trim()].filter(text => text !== '')
