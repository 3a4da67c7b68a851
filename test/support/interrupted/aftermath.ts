import type { Ended } from '../stack/test-stack.ts'
import type { Subject } from './subject.ts'

/** A stack as it was up before anything was interrupted. */
export interface Expected {
  running: string[]
  data: string[]
}

/** What came of an interruption. */
export interface Aftermath {
  /** What is wrong after the next `up`, and `down`; a dead end says so, in the words of the command. */
  faults: string[]
  /** Milliseconds that they took. */
  up: number
  down: number
}

/** The next whole `up`: whether it ends well, with the stack as it was and all that was put into it. */
export async function upAgain(
  { stack, isUp, lost, running }: Subject,
  expected: Expected,
): Promise<Aftermath> {
  const began = performance.now()
  const ended = await stack.run('up')
  const up = performance.now() - began
  const faults = isUp(ended)
    ? [
        ...(await lost()).map(name => `lost: ${name}`),
        ...differences(expected.running, await running(), 'while it is up'),
      ]
    : [`dead end: up ended with ${said(ended)}`]
  return { faults, up, down: Number.NaN }
}

/** The same, and the `down` after it: whether nothing runs any more, and all data is there. */
export async function upAndDown(subject: Subject, expected: Expected): Promise<Aftermath> {
  const { faults, up } = await upAgain(subject, expected)
  const began = performance.now()
  const ended = await subject.stack.run('down')
  const down = performance.now() - began
  const deadEnd = ended.code === 0 ? [] : [`dead end: down ended with ${said(ended)}`]
  const left = differences([], await subject.running(), 'after down')
  const data = differences(expected.data, await subject.data(), 'after down')
  return { faults: [...faults, ...deadEnd, ...left, ...data], up, down }
}

export const said = ({ code, stdout, stderr }: Ended): string => `${code}: ${stdout}${stderr}`

/** What there is and should not be, and the other way round. */
function differences(expected: readonly string[], found: readonly string[], when: string) {
  return [
    ...without(found, expected).map(name => `too much ${when}: ${name}`),
    ...without(expected, found).map(name => `not there ${when}: ${name}`),
  ]
}

/** Each as often as it is there more often. */
function without(all: readonly string[], those: readonly string[]): string[] {
  const left = [...those]
  return all.filter(name => {
    const at = left.indexOf(name)
    if (at !== -1) left.splice(at, 1)
    return at === -1
  })
}
