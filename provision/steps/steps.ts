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

  constructor(signal: AbortSignal, stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream
    this.#signal = signal
  }

  /**
   * Runs one step.
   * @param summary what the step's line says when it is done
   */
  async run<Result>(
    title: string,
    work: (task: Task) => Promise<Result>,
    summary: (result: Result) => string = () => 'done',
  ): Promise<Result> {
    this.#signal.throwIfAborted()
    const started = performance.now()
    // A terminal that says it has no columns, as some of containers and of `expect` do, makes the spinner loop for ever.
    const line =
      this.#stream.isTTY && this.#stream.columns > 0
        ? await this.#spinner(title)
        : this.#lines(title)
    try {
      const result = await work({ report: line.report, signal: this.#signal })
      const took = formatDuration(performance.now() - started)
      line.end('✔', `${title}: ${summary(result)} (${took})`)
      return result
    } catch (error) {
      line.end('✖', title)
      throw error
    }
  }

  /** A line of its own, such as a warning. */
  note(text: string): void {
    this.#stream.write(`${text}\n`)
  }

  async #spinner(title: string) {
    // Loaded on a terminal only: commands in a pipeline start without it.
    const { default: ora } = await import('ora')
    const spinner = ora({ text: title, stream: this.#stream, discardStdin: false }).start()
    return {
      report: (text: string) => {
        spinner.text = `${title}: ${text}`
      },
      end: (symbol: string, text: string) => {
        spinner.stopAndPersist({ symbol, text })
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
      end: (symbol: string, text: string) => {
        this.#stream.write(`${symbol} ${text}\n`)
      },
    }
  }
}
