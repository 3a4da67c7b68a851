import { type CheckVerdict, signOf } from '../../checks/check-verdict.ts'
import { formatDuration, type Millis, seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { RunningStep } from './running-step.ts'

/** A log has a line of progress after this, and each further one twice as late as the one before, but no later. */
const FIRST_LINE: Millis = seconds(5)
const FARTHEST_LINE: Millis = seconds(120)
const SECOND: Millis = seconds(1)

/**
 * The steps of a command, one line each on standard error: a spinner with what runs now on a terminal, plain lines
 * without one.
 */
export class Steps {
  readonly #stream: NodeJS.WriteStream
  readonly #signal: AbortSignal

  readonly #complete: (text: string) => string
  /** Whether more is to be told than most want to know. */
  readonly isVerbose: boolean
  /** Titles of the steps that are to come, in their order. */
  #expected: string[] = []

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

  /** Numbers those of the steps to come that have these titles: `[3/6] ollama`. */
  expect(titles: string[]): void {
    this.#expected = titles
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
    const step = new RunningStep(this.#numbered(title))
    // A terminal that says it has no columns, as some of containers and of `expect` do, makes the spinner loop for ever.
    const line =
      this.#stream.isTTY && this.#stream.columns > 0
        ? await this.#spinner(title, step)
        : this.#lines(title, step)
    const task: Task = {
      signal: this.#signal,
      note: line.note,
      expect: rest => step.expect(rest),
      report(text, part) {
        step.report(text, part)
        line.show?.()
      },
      ended(part) {
        step.ended(part)
        line.show?.()
      },
    }
    try {
      const result = await work(task)
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

  #numbered(title: string): string {
    const index = this.#expected.indexOf(title)
    return index < 0 ? title : `[${index + 1}/${this.#expected.length}] ${title}`
  }

  async #spinner(title: string, step: RunningStep): Promise<StepLine> {
    // Loaded on a terminal only: commands in a pipeline start without it.
    const { default: ora } = await import('ora')
    const text = () => step.rows(this.#stream.columns)
    const spinner = ora({ text: text(), stream: this.#stream, discardStdin: false }).start()
    const show = () => {
      spinner.text = text()
    }
    const clock = setInterval(show, SECOND)
    return {
      show,
      note: said => {
        spinner.clear()
        this.note(`  ${title}: ${said}`)
      },
      end: (verdict, said) => {
        clearInterval(clock)
        spinner.stopAndPersist({ symbol: signOf(verdict, this.#stream), text: said })
      },
    }
  }

  #lines(title: string, step: RunningStep): StepLine {
    let wait = FIRST_LINE
    const write = () => {
      this.#stream.write(`  ${step.line()}\n`)
      wait = Math.min(2 * wait, FARTHEST_LINE)
      next = setTimeout(write, wait)
    }
    let next = setTimeout(write, wait)
    return {
      note: said => this.note(`  ${title}: ${said}`),
      end: (verdict, said) => {
        clearTimeout(next)
        this.#stream.write(`${signOf(verdict, this.#stream)} ${said}\n`)
      },
    }
  }
}

/** Where a step is told of while it runs, and how it ended. */
interface StepLine {
  /** Shows at once what the step has reported, where anybody looks. */
  show?(): void
  note(text: string): void
  end(verdict: CheckVerdict, text: string): void
}
