import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A process that can be killed and stopped in the middle of whatever it does, and be started again. */
export abstract class Killable {
  readonly name: string
  /** Of its operations that nobody has an answer to: told when it is killed. */
  readonly onKill: (() => void)[] = []
  #child: ChildProcess | undefined
  #running = Promise.withResolvers<void>()

  constructor(name: string) {
    this.name = name
  }

  /** Starts the process and waits until it answers. */
  protected abstract launch(): Promise<ChildProcess>

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  protected get child(): ChildProcess | undefined {
    return this.#child
  }

  /** When it runs. */
  async whenRunning(): Promise<void> {
    while (!this.isRunning) await this.#running.promise
  }

  async start(): Promise<void> {
    if (this.isRunning) return
    this.#child = await this.launch()
    this.#running.resolve()
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.#running = Promise.withResolvers()
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    for (const tell of this.onKill) tell()
  }

  /** Stops it, and lets it go on after so many milliseconds. */
  stopFor(pause: number): Promise<void> {
    const child = this.#child
    child?.kill('SIGSTOP')
    return new Promise(resolve => {
      setTimeout(() => {
        child?.kill('SIGCONT')
        resolve()
      }, pause)
    })
  }
}
