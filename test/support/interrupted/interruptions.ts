import { randomFrom } from '../../bench/knowledge/population.ts'
import { Draw } from '../kills/draw.ts'
import type { Ended, TestStack } from '../stack/test-stack.ts'
import { type Aftermath, said, upAgain, upAndDown } from './aftermath.ts'
import { type Interrupted, interruptUp, measureUp } from './interrupted-up.ts'
import { LoggedEngine } from './logged-engine.ts'
import { drawMoments, inOrder, type Moment } from './moments.ts'
import type { Subject } from './subject.ts'
import type { Phase } from './update-phases.ts'

export interface Interruptions {
  subject: string
  seed: number
  /** The `up` that was not interrupted, and its phases with milliseconds. */
  whole: Ended
  phases: [Phase, number][]
  interrupted: Interrupted[]
  /** After each of them, or after all together. */
  aftermaths: Aftermath[]
  /** Moments that did not come. */
  missed: Moment[]
}

export interface Campaign {
  seed: number
  count: number
  report?: (line: string) => void
}

/** Part of the drawn time after which a moment is tried again that did not come. */
const SOONER = 0.25

/**
 * Interrupts ups of a stack that is down, each of which brings its models in, at moments that a seed draws within a whole
 * one. Each is followed by a whole `up`, and a `down`.
 */
export async function interruptEach(
  subject: Subject,
  { seed, count, report = () => {} }: Campaign,
): Promise<Interruptions> {
  const { stack } = subject
  await subject.forgetModels()
  const { engine, durations, expected, result } = await measured(subject, seed)
  const tryAt = async (moment: Moment) => {
    await subject.forgetModels()
    return interruptUp(stack, engine, moment, durations)
  }
  for (const moment of drawMoments(new Draw(randomFrom(seed)), count, durations)) {
    const interrupted = await orSooner(moment, stack, tryAt)
    if (interrupted === undefined) {
      result.missed.push(moment)
      report(`${moment.action} in ${moment.phase} did not come`)
      await must(stack.run('down'))
      continue
    }
    const after = await upAndDown(subject, expected)
    result.interrupted.push(interrupted)
    result.aftermaths.push(after)
    report(`${describe(interrupted)}${describeAfter(after)}`)
  }
  return result
}

/**
 * Interrupts an `up` of a stack that is down, the one that goes on where that was left, and so on, at moments that a
 * seed draws: all together take little more time than one `up`. The last is followed by a whole one.
 */
export async function interruptOnTheWay(
  subject: Subject,
  { seed, count, report = () => {} }: Campaign,
): Promise<Interruptions> {
  const { engine, durations, expected, result } = await measured(subject, seed)
  const tryAt = (moment: Moment) => interruptUp(subject.stack, engine, moment, durations)
  for (const moment of inOrder(drawMoments(new Draw(randomFrom(seed)), count, durations))) {
    const interrupted = await orSooner(moment, subject.stack, tryAt)
    if (interrupted === undefined) {
      result.missed.push(moment)
      report(`${moment.action} in ${moment.phase} did not come`)
      break
    }
    result.interrupted.push(interrupted)
    report(describe(interrupted))
  }
  const after = await upAgain(subject, expected)
  result.aftermaths.push(after)
  report(describeAfter(after))
  return result
}

/** An `up` may be through with a phase sooner than the one that was measured: the machine has other work at times. */
async function orSooner(
  moment: Moment,
  stack: TestStack,
  tryAt: (moment: Moment) => Promise<Interrupted | undefined>,
): Promise<Interrupted | undefined> {
  const interrupted = await tryAt(moment)
  if (interrupted !== undefined) return interrupted
  await must(stack.run('down'))
  return tryAt({ ...moment, part: moment.part * SOONER })
}

/** Brings a stack up and takes it down, to know how it should be and how long that takes. */
async function measured(subject: Subject, seed: number) {
  const { stack } = subject
  const engine = await LoggedEngine.in(stack.folder)
  stack.env.PATH = `${engine.bin}:${stack.env.PATH}`
  const { ended, durations } = await measureUp(stack, engine)
  if (!subject.isUp(ended)) throw new Error(`up did not end well: ${said(ended)}`)
  await subject.remember()
  const expected = { running: await subject.running(), data: await subject.data() }
  await must(stack.run('down'))
  const result: Interruptions = {
    subject: subject.name,
    seed,
    whole: ended,
    phases: [...durations],
    interrupted: [],
    aftermaths: [],
    missed: [],
  }
  return { engine, durations, expected, result }
}

async function must(command: Promise<Ended>): Promise<void> {
  const ended = await command
  if (ended.code !== 0) throw new Error(said(ended))
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

function describe({ action, phase, at, underWay, ended }: Interrupted): string {
  const during = underWay.length === 0 ? '' : ` (${underWay.join(', ')})`
  return `${action} after ${seconds(at)}, in ${phase}${during}: ended with ${ended.code}`
}

function describeAfter({ up, down, faults }: Aftermath): string {
  const last = Number.isNaN(down) ? '' : `, down ${seconds(down)}`
  return [`; up ${seconds(up)}${last}`, ...faults].join('\n  FAULT ')
}
