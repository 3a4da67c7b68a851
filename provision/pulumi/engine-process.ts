import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ProcessOutput, ProcessPromise } from 'zx/core'
import { PROJECT_ROOT } from '../../infra/project.ts'
import { localPaths } from '../../infra/settings/home-paths.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import { processStart } from '../process-identity.mjs'
import {
  readProcessRecord,
  removeProcessRecord,
  writeProcessRecord,
} from '../processes/process-record.ts'
import { stopProcess } from '../processes/stop-process.ts'
import { newTrackingId, TRACKING_VARIABLE } from '../processes/tracking.ts'
import { runProgram } from '../run-program.ts'
import type { Tool } from '../toolchain/toolchain.ts'
import { type Backend, ownFolder } from './backend.ts'
import { removeStaleLocks } from './stale-state-locks.ts'
import { removeTornAttributes } from './torn-attributes.ts'

/** Time the engine has to end what is under way after an interrupt, before it is killed. */
const GRACE: Millis = seconds(30)
const PRELOADED = `--import=${pathToFileURL(join(PROJECT_ROOT, 'provision', 'egress', 'preload.ts'))}`

/**
 * Pulumi's command as a process that works on one stack. While it does it is written down beside the state, until it has
 * ended under the eyes of its command: one that did not was killed, or its command was and it works on, and holds the
 * lock on the state.
 */
export class EngineProcess {
  readonly #settings: Settings
  readonly #pulumi: Tool
  readonly #backend: Backend
  readonly #env: NodeJS.ProcessEnv
  /** What the engine and all that it starts carry. */
  readonly #trackingId: string
  readonly #record: string

  constructor(settings: Settings, pulumi: Tool, backend: Backend, env: NodeJS.ProcessEnv) {
    this.#trackingId = env[TRACKING_VARIABLE] ?? newTrackingId()
    this.#settings = settings
    this.#pulumi = pulumi
    this.#backend = backend
    this.#env = { ...env, [TRACKING_VARIABLE]: this.#trackingId }
    this.#record = join(localPaths(settings.home).state, 'engine.json')
  }

  /** Runs what starts plugins or takes the lock on the state. */
  async run(
    args: string[],
    cwd: string,
    signal: AbortSignal,
    follow: (running: ProcessPromise) => Promise<void> = async () => undefined,
  ): Promise<ProcessOutput> {
    const trackingId = this.#trackingId
    await writeProcessRecord(this.#record, { trackingId })
    const running = this.start(args, cwd, signal)
    const { pid } = running
    if (pid !== undefined) {
      const identity = processStart(pid) ?? 'ended'
      await writeProcessRecord(this.#record, { trackingId, pid, identity })
    }
    await follow(running)
    const ended = await running
    if (ended.signal !== null) await this.clearUp()
    else {
      // After a crash its plugins and the program are still there.
      if (ended.exitCode !== 0) await this.#endLeftBehind()
      await removeProcessRecord(this.#record)
    }
    return ended
  }

  /** Ends an engine that was left behind, and takes away what locks the state in its name and what it wrote in part. */
  async clearUp(): Promise<void> {
    const { stack } = this.#settings
    const leftBehind = await this.#endLeftBehind()
    if (this.#backend.own) {
      const folder = ownFolder(this.#settings)
      await removeStaleLocks(folder, stack, leftBehind)
      await removeTornAttributes(folder)
    } else if (leftBehind) {
      await this.start(['cancel', '--yes'], PROJECT_ROOT, new AbortController().signal)
    }
    await removeProcessRecord(this.#record)
  }

  /**
   * Ends an engine that was left behind, with its plugins. No other of ours is at work: the stack has a lock of our own.
   * @returns whether there was one
   */
  async #endLeftBehind(): Promise<boolean> {
    const left = await readProcessRecord(this.#record)
    if (left !== undefined) await stopProcess(left)
    return left !== undefined
  }

  /** Starts it; an abort asks it to stop what is under way, and kills it when that takes too long. */
  start(args: string[], cwd: string, signal: AbortSignal): ProcessPromise {
    signal.throwIfAborted()
    const stack = ['--stack', this.#settings.stack, '--non-interactive']
    // A process group of its own: Ctrl-C reaches the engine once, from here, and it stops gracefully.
    const running = runProgram([...this.#pulumi.command, ...args, ...stack], {
      cwd,
      // Its state is in the stack's folder; in a backend of the user's it may be meant for others too.
      isPrivate: this.#backend.own,
      env: {
        ...this.#env,
        ...this.#backend.env,
        PATH: [...this.#pulumi.binFolders, dirname(process.execPath), this.#env.PATH].join(':'),
        // The language host that is built from source does not take `nodeargs` from Pulumi.yaml.
        NODE_OPTIONS: [this.#env.NODE_OPTIONS, PRELOADED].filter(Boolean).join(' '),
        PULUMI_SKIP_UPDATE_CHECK: 'true',
        PULUMI_ENABLE_STREAMING_JSON_PREVIEW: 'true',
      },
    })
    let killing: NodeJS.Timeout | undefined
    const interrupt = () => {
      running.child?.kill('SIGINT')
      killing = setTimeout(() => running.child?.kill('SIGKILL'), GRACE)
    }
    signal.addEventListener('abort', interrupt, { once: true })
    running.finally(() => {
      signal.removeEventListener('abort', interrupt)
      clearTimeout(killing)
    })
    return running
  }
}
