import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { RunningAttack, Target } from './attack.ts'

/** What a thread can be told of a target. */
export type DistantTarget = Omit<Target, 'tokenFor'> & { keyFile: string }

/**
 * Starts an attack in a thread of its own: what the attacker has to do is not to be mistaken for what its neighbour
 * waits for.
 */
export async function startElsewhere(name: string, target: DistantTarget): Promise<RunningAttack> {
  const worker = new Worker(new URL('./attack-worker.ts', import.meta.url), {
    workerData: { name, target },
  })
  await once(worker, 'message')
  return {
    async stop() {
      const ended = once(worker, 'exit')
      worker.postMessage('stop')
      await ended
    },
  }
}
