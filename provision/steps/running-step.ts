import { formatAbout, formatElapsed, type Millis } from '../../infra/units.ts'

/** Rows below a step's own; of more parts only their number is told. */
const MOST_ROWS = 8

/** What a step said last while it runs: of itself, and of each of its parts that go on side by side. */
export class RunningStep {
  readonly #title: string
  readonly #started = performance.now()
  #text = ''
  readonly #parts = new Map<string, string>()
  /** When it is expected to end. */
  #ends = 0

  /** @param title with its number where it has one: `[3/6] ollama` */
  constructor(title: string) {
    this.#title = title
  }

  report(text: string, part?: string): void {
    if (part === undefined) this.#text = text
    else this.#parts.set(part, text)
  }

  expect(rest: Millis): void {
    this.#ends = performance.now() + rest
  }

  ended(part: string): void {
    this.#parts.delete(part)
  }

  /** For a log: `[3/6] ollama, 40 s, about 4 min left: compiling, 128 of at most 806 packages`. */
  line(): string {
    const parts = this.#shown().map(([part, text]) => `${part}: ${text}`)
    const all = [this.#text, ...parts, this.#unshown()].filter(text => text !== '')
    return [this.#head(), ...(all.length === 0 ? [] : [all.join('; ')])].join(': ')
  }

  /** For a terminal: the line of the step, and under it a row for each part; none is wider than `columns`. */
  rows(columns: number): string {
    const own = [this.#head(), this.#text].filter(text => text !== '').join(': ')
    const width = Math.max(0, ...this.#shown().map(([part]) => part.length))
    const parts = this.#shown().map(([part, text]) => `    ${part.padEnd(width)}  ${text}`)
    const more = this.#unshown() === '' ? [] : [`    ${this.#unshown()}`]
    // The sign of the step and a blank stand before its line.
    return [cut(own, columns - 2), ...[...parts, ...more].map(row => cut(row, columns))].join('\n')
  }

  /** The times stand before what it says, so that they are seen however long that is. */
  #head(): string {
    const now = performance.now()
    const elapsed = now - this.#started
    if (elapsed < 1000) return this.#title
    // Where it takes longer than it did before, how much longer is not known.
    const rest = this.#ends > now ? [`about ${formatAbout(this.#ends - now)} left`] : []
    return [this.#title, formatElapsed(elapsed), ...rest].join(', ')
  }

  #shown(): [part: string, text: string][] {
    return [...this.#parts].slice(0, MOST_ROWS)
  }

  #unshown(): string {
    const count = this.#parts.size - MOST_ROWS
    return count > 0 ? `and ${count} more` : ''
  }
}

function cut(text: string, columns: number): string {
  const [line = ''] = text.split('\n')
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`
}
