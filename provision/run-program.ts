import { spawn } from 'node:child_process'
import { $, type Options, type ProcessPromise } from 'zx/core'
// The runner alone: the whole of zx takes several times as long to load.
import { spawnPrivately } from '../infra/private-files.ts'

/**
 * Runs a program with its arguments as they are, by zx but through no shell: the machine may have no bash, which zx
 * looks for, and an older one stays as the parent of the program and gets the signals that are meant for it.
 * It leads a process group of its own. A failure is an exit code, and one to start a `cause`.
 * @param options.isPrivate whether the files that it makes are for their owner's eyes
 */
export function runProgram(
  argv: readonly string[],
  { isPrivate, ...options }: Pick<Partial<Options>, 'cwd' | 'env'> & { isPrivate?: boolean },
): ProcessPromise {
  const [program, ...args] = argv as [string, ...string[]]
  const direct = (_line: string, _none: string[], settings: object) => {
    const start = () => spawn(program, args, { ...settings, shell: false })
    return isPrivate ? spawnPrivately(start) : start()
  }
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
