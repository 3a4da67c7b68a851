import { setTimeout as sleep } from 'node:timers/promises'
import { type Millis, seconds } from '../../infra/units.ts'
import { processLingers } from '../process-identity.mjs'
import {
  type Identified,
  identify,
  isAlive,
  type ProcessRecord,
  type Running,
} from './process-record.ts'
import { processesOfGroup } from './process-table.ts'
import { trackedProcesses } from './tracking.ts'

const GRACE: Millis = seconds(10)
const INTERVAL: Millis = 20

/**
 * Ends a recorded process and what it started: Ollama's runners outlive an Ollama that was killed, and Pulumi's
 * plugins lead process groups of their own. Each is signalled by itself, as the process it was found to be.
 */
export async function stopProcess(recorded: ProcessRecord): Promise<void> {
  const known = 'pid' in recorded ? [recorded, ...groupOf(recorded)] : []
  if (isAlive(recorded)) {
    signalTo(recorded, 'SIGTERM')
    await untilGone(() => isAlive(recorded), GRACE)
  }
  await untilGone(() => {
    const { trackingId } = recorded
    const left = [...known, ...(trackingId === undefined ? [] : trackedProcesses(trackingId))]
    const lingering = left.filter(processLingers)
    // What ignored the request, and what was left behind or started in the meantime.
    for (const process of lingering) signalTo(process, 'SIGKILL')
    return lingering.length > 0
  }, GRACE)
}

/** Ends what carries a tracking id without waiting for any of it, but for this very process. */
export function killTracked(trackingId: string): void {
  const deadline = Date.now() + GRACE
  const left = () => trackedProcesses(trackingId).filter(({ pid }) => pid !== process.pid)
  // Again, for what one of them started before it was its turn.
  for (let found = left(); found.length > 0 && Date.now() < deadline; found = left())
    for (const process of found) signalTo(process, 'SIGKILL')
}

/**
 * The rest of a process group, as long as the process leads it: afterwards its number may be that of a stranger's.
 * Records without a tracking id have nothing else to tell what their process started.
 */
function groupOf(leader: Running): Identified[] {
  const members = identify(processesOfGroup(leader.pid))
  return isAlive(leader) ? members : []
}

function signalTo(found: Identified, signal: NodeJS.Signals): void {
  if (!processLingers(found)) return
  try {
    process.kill(found.pid, signal)
  } catch {
    // It has ended by itself in the meantime.
  }
}

async function untilGone(exists: () => boolean, within: Millis): Promise<void> {
  const deadline = Date.now() + within
  while (exists() && Date.now() < deadline) await sleep(INTERVAL)
}
