/**
 * Every error that a user can cause or meet. It says what is wrong (thing, value, what is allowed) and the
 * command or change that mends it; it is printed without a stack trace and decides the exit code.
 */
export class Failure extends Error {
  readonly kind: FailureKind
  readonly mend: string | undefined

  constructor(
    kind: FailureKind,
    message: string,
    options: { mend?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'Failure'
    this.kind = kind
    this.mend = options.mend
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind]
  }

  /** What is wrong and what mends it, as one text. */
  get text(): string {
    return this.mend === undefined ? this.message : `${this.message}\n  → ${this.mend}`
  }
}

/**
 * - `refused`: the verdict is no (a check failed, the plan does not fit)
 * - `misused`: used or configured wrongly
 * - `unavailable`: something needed could not be reached, obtained or started, or died
 * - `interrupted`: Ctrl-C or SIGTERM
 */
export type FailureKind = keyof typeof EXIT_CODES

export const EXIT_CODES = { refused: 1, misused: 2, unavailable: 3, interrupted: 130 } as const

/** What any thrown value says, for the end of a sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof Failure) return error.text
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${reasonOf(error.cause)}` : ''
  return `${error.message}${cause}`
}

/**
 * An error's text with its kind behind it, for where an error passes through the Pulumi engine: no exit code
 * does.
 */
export function markedText(error: unknown): string {
  return `${reasonOf(error)} [${error instanceof Failure ? error.kind : 'unavailable'}]`
}

/** The same as a line of a log, for those who wait for what a container has to say. */
export const markedLine = (error: unknown): string => markedText(error).replace(/\s*\n\s*/g, '; ')

/** Reads what markedText wrote; undefined for a text without the mark. */
export function readMarked(text: string): { text: string; kind: FailureKind } | undefined {
  const mark = /\s*\[(refused|misused|unavailable|interrupted)\]\s*$/.exec(text)
  if (mark === null) return undefined
  return { text: text.slice(0, mark.index), kind: mark[1] as FailureKind }
}
