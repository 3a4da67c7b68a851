import { EXIT_CODES, Failure, markedLine } from '../infra/failure.ts'
import type { Task } from './progress.ts'

/** A line of a Job's log. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/**
 * Runs the work of a process inside the deployment. What goes wrong stands in the last line: a Job's failure is told with
 * the end of its log.
 * @param work gives the exit code
 */
export async function runJob(work: (task: Task) => Promise<number>): Promise<void> {
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort(new Failure('interrupted', 'Ended by SIGTERM')))
  try {
    process.exitCode = await work({ report: say, signal: stop.signal })
  } catch (error) {
    say(markedLine(error))
    process.exitCode = error instanceof Failure ? error.exitCode : EXIT_CODES.unavailable
  }
}
