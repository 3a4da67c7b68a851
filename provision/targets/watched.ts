import { setTimeout as sleep } from 'node:timers/promises'
import type { Failure } from '../../infra/failure.ts'
import type { Settings } from '../../infra/settings/parse-settings.ts'
import { type Millis, seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import type { TargetCommands } from './target.ts'

const LOOK_EVERY: Millis = seconds(3)

/**
 * Does an update, and ends it early with the reason when what it waits for cannot come.
 * @param update what is done, with the task that it is to stop with
 */
export async function watched<Result>(
  target: Pick<TargetCommands, 'findHopeless'>,
  settings: Settings,
  task: Task,
  update: (task: Task) => Promise<Result>,
): Promise<Result> {
  const since = Date.now()
  const over = new AbortController()
  const hopeless = new AbortController()
  // A cluster that cannot be asked at the moment says nothing about the update.
  const look = () => target.findHopeless(settings, since).catch(() => undefined)
  const watch = async () => {
    for (;;) {
      await sleep(LOOK_EVERY, undefined, { signal: over.signal })
      const found = await look()
      if (found !== undefined) return hopeless.abort(found)
    }
  }
  const watching = watch().catch(() => undefined)
  try {
    return await update({ ...task, signal: AbortSignal.any([task.signal, hopeless.signal]) })
  } catch (error) {
    task.signal.throwIfAborted()
    // What failed the update has often more to say of itself than who waited for it.
    throw (hopeless.signal.reason as Failure | undefined) ?? (await look()) ?? error
  } finally {
    over.abort()
    await watching
  }
}
