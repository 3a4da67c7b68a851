import { InvalidArgumentError } from 'commander'

/** Reads an option that is a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most)
      return value
    throw new InvalidArgumentError(`Allowed is a whole number from ${least} to ${most}.`)
  }
}
