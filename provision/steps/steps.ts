import { type CheckVerdict, signOf } from '../../checks/check-verdict.ts'
import { formatDuration, type Millis, seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'

/** Lines of progress in a log come no closer than this. */
const QUIET: Millis = seconds(5)

/**
 * The steps of a command, one line each on standard error: a spinner with the newest report on a terminal,
 * plain lines without one.
 */
export class Steps {
  readonly #stream: NodeJS.WriteStream
  readonly #signal: AbortSignal

  readonly #complete: (text: string) => string
  /** Whether more is to be told than most want to know. */
  readonly isVerbose: boolean

  /** @param options.complete makes the lines that a note gives those of the stack that it is about */
  constructor(
    signal: AbortSignal,
    options: {
      stream?: NodeJS.WriteStream
      complete?: (text: string) => string
      isVerbose?: boolean | undefined
    } = {},
  ) {
    this.#signal = signal
    this.#stream = options.stream ?? process.stderr
    this.#complete = options.complete ?? (text => text)
    this.isVerbose = options.isVerbose ?? false
  }

  /**
   * Runs one step.
   * @param summary what the step's line says when it is done
   * @param verdict how it came out, where a step that is done may not be well
   */
  async run<Result>(
    title: string,
    work: (task: Task) => Promise<Result>,
    summary: (result: Result) => string = () => 'done',
    verdict: (result: Result) => CheckVerdict = () => 'passed',
  ): Promise<Result> {
    this.#signal.throwIfAborted()
    const started = performance.now()
    // A terminal that says it has no columns, as some of containers and of `expect` do, makes the spinner loop for ever.
    const line =
      this.#stream.isTTY && this.#stream.columns > 0
        ? await this.#spinner(title)
        : this.#lines(title)
    try {
      const { report, note } = line
      const result = await work({ report, note, signal: this.#signal })
      const took = formatDuration(performance.now() - started)
      line.end(verdict(result), `${title}: ${summary(result)} (${took})`)
      return result
    } catch (error) {
      line.end('failed', title)
      throw error
    }
  }

  /** A line of its own, such as a warning. */
  note(text: string): void {
    this.#stream.write(`${this.#complete(text)}\n`)
  }

  async #spinner(title: string) {
    // Loaded on a terminal only: commands in a pipeline start without it.
    const { default: ora } = await import('ora')
    const spinner = ora({ text: title, stream: this.#stream, discardStdin: false }).start()
    return {
      report: (text: string) => {
        spinner.text = `${title}: ${text}`
      },
      note: (text: string) => {
        spinner.clear()
        this.note(`  ${title}: ${text}`)
      },
      end: (verdict: CheckVerdict, text: string) => {
        spinner.stopAndPersist({ symbol: signOf(verdict, this.#stream), text })
      },
    }
  }

  #lines(title: string) {
    let last = performance.now()
    return {
      report: (text: string) => {
        if (performance.now() - last < QUIET) return
        last = performance.now()
        this.#stream.write(`  ${title}: ${text}\n`)
      },
      note: (text: string) => this.note(`  ${title}: ${text}`),
      end: (verdict: CheckVerdict, text: string) => {
        this.#stream.write(`${signOf(verdict, this.#stream)} ${text}\n`)
      },
    }
  }
}
