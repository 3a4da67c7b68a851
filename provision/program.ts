import { spawn } from 'node:child_process'
// The runner alone: the whole of zx takes several times as long to load.
import { $, type Options, type ProcessPromise } from 'zx/core'

/**
 * Runs a program with its arguments as they are, by zx but through no shell: the machine may have no bash, which zx
 * looks for, and an older one stays as the parent of the program and gets the signals that are meant for it.
 * It leads a process group of its own. A failure is an exit code, and one to start a `cause`.
 */
export function runProgram(
  argv: readonly string[],
  options: Pick<Partial<Options>, 'cwd' | 'env'>,
): ProcessPromise {
  const [program, ...args] = argv as [string, ...string[]]
  const direct = (_line: string, _none: string[], settings: object) =>
    spawn(program, args, { ...settings, shell: false })
  return $({
    ...options,
    spawn: direct as typeof spawn,
    shell: true,
    quote: String,
    quiet: true,
    nothrow: true,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })`${argv}`
}
