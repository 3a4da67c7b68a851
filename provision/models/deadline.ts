import { Failure } from '../../infra/failure.ts'
import { formatDuration, type Millis } from '../../infra/units.ts'
import type { Task } from '../progress.ts'

/**
 * Does work that must be over after a time.
 * @param what for the error: `smollm2:135m`
 * @throws Failure `unavailable` that says how far it was when the time was over
 */
export async function withinDeadline<Result>(
  what: string,
  deadline: Millis,
  { report, signal }: Task,
  work: (task: Task) => Promise<Result>,
): Promise<Result> {
  const limit = AbortSignal.timeout(deadline)
  let last = 'nothing had come yet'
  const task: Task = {
    signal: AbortSignal.any([signal, limit]),
    report(text) {
      last = text
      report(text)
    },
  }
  try {
    return await work(task)
  } catch (error) {
    signal.throwIfAborted()
    if (!limit.aborted) throw error
    throw new Failure(
      'unavailable',
      `${what} was not there after ${formatDuration(deadline)}: ${last}`,
      {
        mend: 'run it again, which goes on from there, or raise knowledge-stack:pullDeadlineMinutes',
        cause: error,
      },
    )
  }
}
