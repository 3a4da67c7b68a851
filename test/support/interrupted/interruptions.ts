import { randomFrom } from '../../bench/knowledge/population.ts'
import { Draw } from '../kills/draw.ts'
import type { Ended } from '../stack/test-stack.ts'
import { type Interrupted, interruptUp, measureUp } from './interrupted-up.ts'
import { LoggedEngine } from './logged-engine.ts'
import { drawMoments, inOrder, type Moment } from './moments.ts'
import type { Subject } from './subject.ts'
import type { Phase } from './update-phases.ts'

/** An interruption, and what came of it. */
export interface Outcome extends Interrupted {
  /** What is wrong after the next `up` and `down`; a dead end says so, in the words of the command. */
  faults: string[]
  /** Milliseconds that the next whole `up` took, and the `down`. */
  up: number
  down: number
}

export interface Interruptions {
  subject: string
  seed: number
  /** The `up` that was not interrupted. */
  whole: Ended
  /** The phases that a whole `up` has, with milliseconds. */
  phases: [Phase, number][]
  outcomes: Outcome[]
  /** Moments that did not come. */
  missed: Moment[]
}

export interface Campaign {
  seed: number
  count: number
  /**
   * Whether each is followed by a whole `up` and a `down`, or only the last, by an `up`: then each goes on where the one
   * before was interrupted, and all together take little more time than one `up`.
   */
  isolated: boolean
  report?: (line: string) => void
}

/**
 * Interrupts ups of a stack that is down at moments that a seed draws within a whole one, and looks after each what has
 * come of the stack. Where they are isolated it is down in the end, else up.
 */
export async function runInterruptions(
  subject: Subject,
  { seed, count, isolated, report = () => {} }: Campaign,
): Promise<Interruptions> {
  const { stack } = subject
  const engine = await LoggedEngine.in(stack.folder)
  stack.env.PATH = `${engine.bin}:${stack.env.PATH}`
  if (isolated) await subject.forgetModels()
  const { ended, durations } = await measureUp(stack, engine)
  if (!subject.isUp(ended)) throw new Error(`up did not end well: ${said(ended)}`)
  await subject.remember()
  const expected = { running: await subject.running(), data: await subject.data() }
  await must(stack.run('down'))
  const drawn = drawMoments(new Draw(randomFrom(seed)), count, durations)
  const result: Interruptions = {
    subject: subject.name,
    seed,
    whole: ended,
    phases: [...durations],
    outcomes: [],
    missed: [],
  }
  for (const moment of isolated ? drawn : inOrder(drawn)) {
    const next = async (part: number) => {
      if (isolated) await subject.forgetModels()
      return interruptUp(stack, engine, { ...moment, part }, durations)
    }
    let interrupted = await next(moment.part)
    if (interrupted === undefined && isolated) {
      // It was through with the phase sooner than the one that was measured.
      await must(stack.run('down'))
      interrupted = await next(moment.part / 4)
    }
    if (interrupted === undefined) {
      result.missed.push(moment)
      report(`${describeMoment(moment)} did not come`)
      if (isolated) await must(stack.run('down'))
      continue
    }
    const isLast = result.outcomes.length + result.missed.length === count - 1
    const after = isolated
      ? await upAndDown(subject, expected)
      : isLast
        ? await upAgain(subject, expected)
        : NOT_ASKED
    result.outcomes.push({ ...interrupted, ...after })
    report(describe(result.outcomes.at(-1)!))
    for (const fault of after.faults) report(`  ${fault}`)
  }
  return result
}

interface Expected {
  running: string[]
  data: string[]
}

const NOT_ASKED = { faults: [] as string[], up: Number.NaN, down: Number.NaN }

/** @returns what is wrong with a whole `up` that follows, and what takes how long */
async function upAgain(subject: Subject, expected: Expected) {
  const faults: string[] = []
  const began = performance.now()
  const ended = await subject.stack.run('up')
  const up = performance.now() - began
  if (!subject.isUp(ended)) faults.push(`dead end: up ended with ${said(ended)}`)
  else {
    faults.push(...(await subject.lost()).map(name => `lost: ${name}`))
    faults.push(...differences(expected.running, await subject.running(), 'while it is up'))
  }
  return { faults, up, down: Number.NaN }
}

async function upAndDown(subject: Subject, expected: Expected) {
  const { faults, up } = await upAgain(subject, expected)
  const began = performance.now()
  const ended = await subject.stack.run('down')
  const down = performance.now() - began
  if (ended.code !== 0) faults.push(`dead end: down ended with ${said(ended)}`)
  faults.push(...differences([], await subject.running(), 'after down'))
  faults.push(...differences(expected.data, await subject.data(), 'after down'))
  return { faults, up, down }
}

/** What there is and should not be, and the other way round. */
function differences(expected: readonly string[], found: readonly string[], when: string) {
  const without = (all: readonly string[], those: readonly string[]) => {
    const left = [...those]
    return all.filter(name => !left.includes(name) || left.splice(left.indexOf(name), 1) === null)
  }
  return [
    ...without(found, expected).map(name => `too much ${when}: ${name}`),
    ...without(expected, found).map(name => `not there ${when}: ${name}`),
  ]
}

async function must(command: Promise<Ended>): Promise<void> {
  const ended = await command
  if (ended.code !== 0) throw new Error(said(ended))
}

const said = ({ code, stdout, stderr }: Ended): string => `${code}: ${stdout}${stderr}`
const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`
const describeMoment = ({ action, phase, part }: Moment): string =>
  `${action} at ${Math.round(part * 100)} % of ${phase}`

function describe({ action, phase, at, underWay, ended, up, down, faults }: Outcome): string {
  const during = underWay.length === 0 ? '' : ` (${underWay.join(', ')})`
  const then = Number.isNaN(up) ? '' : `; up ${seconds(up)}`
  const last = Number.isNaN(down) ? '' : `, down ${seconds(down)}`
  const verdict = faults.length === 0 ? '' : `: ${faults.length} FAULTS`
  return `${action} after ${seconds(at)}, in ${phase}${during}: ended with ${ended.code}${then}${last}${verdict}`
}
