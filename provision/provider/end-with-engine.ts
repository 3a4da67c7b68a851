import { setTimeout as sleep } from 'node:timers/promises'
import { type Millis, seconds } from '../../infra/units.ts'
import { identify } from '../processes/process-record.ts'
import { parentOf, processesGiven } from '../processes/process-table.ts'
import { stopProcess } from '../processes/stop-process.ts'
import type { KnowledgeProvider } from './provider.ts'

const LOOK_EVERY: Millis = 500
/** Time that what is under way has to take back what it began. */
const GRACE: Millis = seconds(20)

/**
 * Ends this process once the engine that started it is gone, as after a SIGKILL: nobody asks it to stop then, and it
 * would go on to start servers for a state that never hears of them. The engine's other plugins end with it: the
 * providers of Docker and of Kubernetes do not look whether it is there, and live on for good.
 * @param address where the engine listens, which each of its plugins is started with
 */
export async function endWithEngine(
  provider: Pick<KnowledgeProvider, 'cancel' | 'idle'>,
  address: string | undefined,
): Promise<void> {
  // An orphan is given another parent; it may have become one while it was loading.
  const engine = Number(process.env.KNOWLEDGE_STACK_ENGINE_PID ?? process.ppid)
  while (process.ppid === engine) await sleep(LOOK_EVERY, undefined, { ref: false })
  const others = address === undefined ? undefined : endPluginsOf(address)
  await provider.cancel()
  await Promise.race([provider.idle(), sleep(GRACE)])
  await others
  process.exit()
}

/** Those that have been left by the engine, as this one, with what they started: another engine may have its port by now. */
async function endPluginsOf(address: string): Promise<void> {
  const given = processesGiven(address).filter(pid => pid !== process.pid)
  const isLeft = (pid: number): boolean => {
    const parent = parentOf(pid)
    return parent === process.ppid || (given.includes(parent ?? 0) && isLeft(parent!))
  }
  await Promise.all(identify(given.filter(isLeft)).map(stopProcess))
}
