import { join } from 'node:path'
import { minutes } from '../../../infra/units.ts'
import { finishedFolder } from '../../../provision/toolchain/finished-folder.ts'
import { toolchainOptions } from '../../../provision/toolchain/options.ts'
import { findCommand, runCommand } from '../../../provision/toolchain/run-command.ts'

/** The oldest Python that the packages run on. */
const PYTHON = 'import sys, pip; sys.exit(sys.version_info < (3, 10))'

const task = () => ({ report() {}, signal: AbortSignal.timeout(minutes(10)) })
const { cache, env } = toolchainOptions(process.env)

/** @returns why packages of Python cannot be had on this machine; undefined when they can */
export async function whyNoPython(): Promise<string | undefined> {
  const python = await findCommand('python3', env)
  if (python === undefined) return 'python3 is not on PATH'
  return runCommand([python, '-c', PYTHON], { env, signal: task().signal }).then(
    () => undefined,
    () => 'python3 is older than 3.10 or has no pip',
  )
}

/**
 * Runs Python with packages, which come from PyPI into the cache.
 * @param packages by exact version: `name==1.2.3`
 * @param args `-m module …` or `-c program …`
 * @param more variables for it
 * @returns what it said
 * @throws with the end of it when it failed
 */
export async function runPython(
  packages: readonly string[],
  args: readonly string[],
  cwd: string,
  more: NodeJS.ProcessEnv = {},
): Promise<string> {
  const python = (await findCommand('python3', env))!
  const folder = join(cache, 'python', packages.join('-').replaceAll('==', '-'))
  const installed = await finishedFolder(folder, packages.join(', '), task(), async draft => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--target', draft]
    const { signal } = task()
    await runCommand([python, ...pip, ...packages], { env, signal })
  })
  const { signal } = task()
  return runCommand([python, ...args], {
    env: { ...env, ...more, PYTHONPATH: installed },
    cwd,
    signal,
  })
}
