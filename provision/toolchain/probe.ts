import { Failure } from '../../infra/failure.ts'
import { seconds } from '../../infra/units.ts'
import type { Task } from '../progress.ts'
import { PINS, type ToolName } from './pinned-tools.ts'
import { runCommand } from './run-command.ts'

const PATIENCE = seconds(20)

/**
 * Asks a part for its version by running it, which also shows that it runs here at all.
 * @param command argv prefix
 * @throws Failure `unavailable` when it does not run, or does not say
 */
export async function probeVersion(
  part: ToolName,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  task: Task,
): Promise<string> {
  const { ask, title } = PINS[part]
  let answer = ''
  await runCommand([...command, ...ask.arguments], {
    env: { ...env, ...ask.environment },
    signal: AbortSignal.any([task.signal, AbortSignal.timeout(PATIENCE)]),
    onLine: line => {
      answer += `${line}\n`
    },
  })
  const version = ask.answer.exec(answer)?.[1]
  if (version !== undefined) return version
  throw new Failure(
    'unavailable',
    `${command.join(' ')} does not say a version of ${title}: ${answer}`,
  )
}
