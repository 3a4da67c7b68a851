import { InvalidArgumentError } from 'commander'
import { MOST_RATE } from '../../infra/settings/backup-settings.ts'
import type { Flag } from './command.ts'

/** Reads an option that is a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most)
      return value
    throw new InvalidArgumentError(`Allowed is a whole number from ${least} to ${most}.`)
  }
}

/** The option `--port`, of which 0 takes one that is free. */
export const portFlag = (description: string, port: number): Flag => ({
  flags: '--port <number>',
  description,
  default: port,
  parse: wholeNumber(0, 65_535),
})

/** Texts of an option that may be given several times. */
export const repeated: Flag['parse'] = (text, before) => [
  ...((before as string[] | undefined) ?? []),
  text,
]

export const RATE_FLAG: Flag = {
  flags: '--rate <number>',
  description: 'records a second at most, for the sake of those who ask meanwhile',
  parse: wholeNumber(1, MOST_RATE),
}
