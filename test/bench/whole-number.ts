import { Failure } from '../../infra/failure.ts'

/** The number behind an option; the usual one where it is not given. */
export function wholeNumber(flags: readonly string[], name: string, usual: number): number {
  const place = flags.indexOf(name)
  if (place === -1) return usual
  const value = Number(flags[place + 1])
  if (Number.isInteger(value) && value > 0) return value
  throw new Failure('misused', `${name} is ${flags[place + 1]}; allowed are whole numbers from 1`)
}
