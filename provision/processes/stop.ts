import { setTimeout as sleep } from 'node:timers/promises'
import { type Millis, seconds } from '../../infra/units.ts'
import { isAlive, type Running } from './record.ts'

const GRACE: Millis = seconds(10)
const INTERVAL: Millis = 20

/**
 * Ends a process and what it started. Each of our servers leads a process group of its own: Ollama's
 * runners are in it, and they outlive an Ollama that was killed.
 */
export async function stopProcess(running: Running): Promise<void> {
  if (isAlive(running)) {
    signalTo(running.pid, 'SIGTERM')
    await untilGone(() => isAlive(running), GRACE)
    // A process that ignores the request, and the group of one that left runners behind.
  } else if (!groupExists(running.pid)) {
    return
  }
  signalTo(-running.pid, 'SIGKILL')
  await untilGone(() => isAlive(running) || groupExists(running.pid), GRACE)
}

/** A group keeps its leader's pid from being given to anybody else, so a group of this number is ours. */
const groupExists = (pid: number): boolean => signalTo(-pid, 0)

function signalTo(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

async function untilGone(exists: () => boolean, within: Millis): Promise<void> {
  const deadline = Date.now() + within
  while (exists() && Date.now() < deadline) await sleep(INTERVAL)
}
