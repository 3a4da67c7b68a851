import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { localPaths } from '../../../infra/settings/home-paths.ts'
import {
  type Ended,
  type RunningCommand,
  recordedPid,
  type TestStack,
} from '../stack/test-stack.ts'
import type { LoggedEngine } from './logged-engine.ts'
import type { Action, Durations, Moment } from './moments.ts'
import { type Phase, UpdatePhases } from './update-phases.ts'

const LOOK_EVERY_MS = 10

/** An `up` that something happened to, as it happened. */
export interface Interrupted {
  /** What was done: to an engine that did not run yet nothing can be, and its command was killed. */
  action: Action
  phase: Phase
  /** Resources that were under way. */
  underWay: string[]
  /** Milliseconds since the start of the `up`. */
  at: number
  ended: Ended
}

/** Runs an `up` to its end. @returns the milliseconds that it was in each phase */
export async function measureUp(stack: TestStack, engine: LoggedEngine) {
  const durations = new Map<Phase, number>()
  const { up } = await followUp(stack, engine, (phase, millis) => {
    durations.set(phase, (durations.get(phase) ?? 0) + millis)
    return false
  })
  return { ended: await up.ended, durations }
}

/**
 * Runs an `up` and interrupts it in a phase, when it has been in it for a part of the time that was measured.
 * @returns undefined when it ended without coming to that moment
 */
export async function interruptUp(
  stack: TestStack,
  engine: LoggedEngine,
  { phase, part, action }: Moment,
  measured: Durations,
): Promise<Interrupted | undefined> {
  const within = part * measured.get(phase)!
  let inPhase = 0
  const { up, phases, millis } = await followUp(stack, engine, (now, millis) => {
    if (now === phase) inPhase += millis
    return now === phase && inPhase >= within
  })
  if (hasEnded(up)) return undefined
  const done = await act(stack, up, action)
  const found = { action: done, phase: phases.current, underWay: phases.underWay, at: millis }
  return { ...found, ended: await up.ended }
}

/** @param isMoment asked every few milliseconds; ends the following, not the `up` */
async function followUp(
  stack: TestStack,
  engine: LoggedEngine,
  isMoment: (phase: Phase, millis: number) => boolean,
) {
  await engine.forget()
  const phases = new UpdatePhases()
  const began = performance.now()
  const up = await stack.start(['up'])
  let before = began
  for (;;) {
    for (const event of await engine.news()) phases.add(event)
    const now = performance.now()
    if (hasEnded(up) || isMoment(phases.current, now - before)) {
      return { up, phases, millis: now - began }
    }
    before = now
    await sleep(LOOK_EVERY_MS)
  }
}

const hasEnded = ({ child }: RunningCommand): boolean =>
  child.exitCode !== null || child.signalCode !== null

async function act(stack: TestStack, { child }: RunningCommand, action: Action): Promise<Action> {
  const engine = await recordedPid(join(localPaths(stack.home).state, 'engine.json')).catch(
    () => undefined,
  )
  if (action === 'kill -9 of the engine' && engine !== undefined) {
    process.kill(engine, 'SIGKILL')
    return action
  }
  child.kill(action === 'Ctrl-C' ? 'SIGINT' : 'SIGKILL')
  return action === 'Ctrl-C' ? action : 'kill -9 of the command'
}
