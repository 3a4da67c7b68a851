import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { type ConnectedDeployment, openDeployment } from '../checks/connected-deployment.ts'
import { EXIT_CODES, Failure, markedLine } from '../infra/failure.ts'
import { Outputs } from '../infra/outputs.ts'
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

/**
 * The same of work on the deployment's data, by a process that is started with the path of its outputs and what is asked
 * for, as JSON.
 * @param Asked what that has to be
 */
export const runOnData = <Request>(
  Asked: z.ZodType<Request>,
  work: (deployment: ConnectedDeployment, asked: Request, task: Task) => Promise<void>,
): Promise<void> =>
  runJob(async task => {
    const [, , outputs = '', request = ''] = process.argv
    const asked = Asked.parse(JSON.parse(request))
    const parsed = Outputs.parse(JSON.parse(await readFile(outputs, 'utf8')))
    const deployment = await openDeployment(parsed)
    try {
      await work(deployment, asked, task)
      return 0
    } finally {
      await deployment.close()
    }
  })
