import { styleText } from 'node:util'

export const CHECK_VERDICTS = ['passed', 'failed', 'unchecked', 'skipped'] as const
export type CheckVerdict = (typeof CHECK_VERDICTS)[number]

/** One sign and one word for each verdict, wherever people read of it. */
const SIGNS: Record<CheckVerdict, string> = {
  passed: '✔',
  failed: '✖',
  unchecked: '⚠',
  skipped: '–',
}
const WORDS: Record<CheckVerdict, string> = {
  passed: 'passed',
  failed: 'failed',
  unchecked: 'not checked',
  skipped: 'skipped',
}
const COLOURS: Record<CheckVerdict, Parameters<typeof styleText>[0]> = {
  passed: 'green',
  failed: 'red',
  unchecked: 'yellow',
  skipped: 'dim',
}

export const wordOf = (verdict: CheckVerdict): string => WORDS[verdict]

/** In colour where the stream is a terminal and `NO_COLOR` is not set. */
export const signOf = (
  verdict: CheckVerdict,
  stream: NodeJS.WriteStream = process.stdout,
): string => styleText(COLOURS[verdict], SIGNS[verdict], { stream })
