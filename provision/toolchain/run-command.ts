import { createInterface } from 'node:readline'
import { type ProcessOutput, which } from 'zx/core'
import { Failure, reasonOf } from '../../infra/failure.ts'
import { runProgram } from '../run-program.ts'

export interface CommandOptions {
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  cwd?: string
  /** Called with each line of standard output and standard error. */
  onLine?: (line: string) => void
}

/** Enough to see what a compiler or an installer complained about. */
const LINES_SHOWN = 20

/**
 * Runs a command to its end. An abort ends it together with everything it started.
 * @returns what it wrote to standard output
 * @throws Failure `unavailable` with the last lines of its output when it fails
 */
export async function runCommand(
  argv: readonly string[],
  { env, signal, cwd, onLine = () => {} }: CommandOptions,
): Promise<string> {
  signal.throwIfAborted()
  const child = runProgram(argv, { env, ...(cwd && { cwd }) })
  // With its process group, so that compilers started by a compiler end with it.
  const stop = () => endGroup(child.pid)
  signal.addEventListener('abort', stop, { once: true })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', onLine)
  }

  const output = await child
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (output.exitCode !== 0) {
    throw new Failure(
      'unavailable',
      `${argv.join(' ')}: ${endOf(output)}\n${lastLines(output.stdall)}`,
    )
  }
  return output.stdout
}

function endOf({ cause, signal, exitCode }: ProcessOutput): string {
  if (cause) return reasonOf(cause)
  return signal === null ? `exit code ${exitCode}` : `ended by ${signal}`
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Where a command is on PATH. The `node_modules/.bin` folders that npm puts there are left out: what they hold
 * are this project's own dependencies, which are looked for by name and not by chance.
 * @returns the absolute path, or undefined when it is not on PATH
 */
export async function findCommand(
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const folders = (env.PATH ?? '')
    .split(':')
    .filter(folder => !folder.endsWith('node_modules/.bin'))
  return (await which(name, { nothrow: true, path: folders.join(':') })) ?? undefined
}

/**
 * @param install the one line that installs it
 * @throws Failure `unavailable` when the command is not on PATH
 */
export async function requireCommand(
  name: string,
  reason: string,
  install: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const path = await findCommand(name, env)
  if (path !== undefined) return path
  throw new Failure('unavailable', `${name} is not on PATH; ${reason} needs it`, { mend: install })
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-LINES_SHOWN).join('\n')
}
