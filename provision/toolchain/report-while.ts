import { formatDuration, seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'

const INTERVAL = seconds(1)

/** Reports once a second while the work lasts; `text` is given the time since it began: `1 min 20 s`. */
export async function reportWhile<Result>(
  task: Task,
  text: (elapsed: string) => string,
  work: () => Promise<Result>,
): Promise<Result> {
  const started = performance.now()
  const elapsed = () => seconds(Math.round((performance.now() - started) / 1000))
  const report = () => task.report(text(formatDuration(elapsed())))
  const timer = setInterval(report, INTERVAL)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
