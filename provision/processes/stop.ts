import { setTimeout as sleep } from 'node:timers/promises'
import { type Millis, seconds } from '../../infra/units.ts'
import { processGroupRuns, processStart } from '../process-identity.mjs'
import { isAlive, type Running } from './record.ts'

const GRACE: Millis = seconds(10)
const INTERVAL: Millis = 20

/**
 * Ends a process and what it started. Each of our servers leads a process group of its own: Ollama's
 * runners are in it, and they outlive an Ollama that was killed.
 */
export async function stopProcess(running: Running): Promise<void> {
  const { pid, identity } = running
  const found = processStart(pid)
  // A group keeps its leader's pid from being given to anybody else: where it was, nothing of the group is left.
  if (found !== undefined && found !== identity) return
  if (found !== undefined) {
    signalTo(pid, 'SIGTERM')
    await untilGone(() => isAlive(running), GRACE)
  }
  // What ignored the request, and what a server left behind.
  if (!processGroupRuns(pid)) return
  signalTo(-pid, 'SIGKILL')
  await untilGone(() => processGroupRuns(pid), GRACE)
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself in the meantime.
  }
}

async function untilGone(exists: () => boolean, within: Millis): Promise<void> {
  const deadline = Date.now() + within
  while (exists() && Date.now() < deadline) await sleep(INTERVAL)
}
